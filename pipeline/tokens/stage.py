"""The tokens stage: from the corpus to a tokenizer and shards of tokens in hash order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.engine.stage import Job, Stage, Total
from pipeline.store import files
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError
from pipeline.store.manifest import Counts, Manifest, read_manifest
from pipeline.store.parts import work_key
from pipeline.tokens.settings import TokensSettings

if TYPE_CHECKING:
    from pipeline.engine.stage_steps import StageSteps
    from pipeline.store.stage_edit import Removal, StageEdit


class TokensStage(Stage):
    """The last stage of a build."""

    name = "tokens"
    version = "3"
    reads = "corpus"
    byte_seconds = 1e-6  # without the tokenizer, which takes all cores by itself
    page_seconds = 0.003
    steps = 3

    def folder(self, job: Job) -> str:
        """`tokens/NAME/INTERVAL`."""
        return job.corpus.folder(self._stage_folder(job), job.interval)

    def settings(self, job: Job) -> TokensSettings:
        """The `[tokens]` section."""
        return job.section(TokensSettings)

    def inputs(self, job: Job) -> dict[str, str]:
        """The corpus of the interval, and the tokenizer once it is there."""
        inputs = {"corpus": job.corpus.require("corpus", job.interval).fingerprint}
        name = self.settings(job).name
        tokenizer = read_manifest(job.corpus.tokenizer(name))
        if tokenizer is not None:
            inputs[f"tokenizers/{name}"] = tokenizer.fingerprint
        return inputs

    def total(self, job: Job) -> Total:
        """Documents to encode."""
        return Total(job.corpus.require("corpus", job.interval).counts.kept, "documents")

    def remove_pages(self, edit: StageEdit) -> Removal:
        """Documents of shards."""
        from pipeline.tokens.removal import remove_pages

        return remove_pages(edit)

    def plan(self, job: Job) -> StageSteps:
        """Trains the tokenizer if it is not there, encodes, assembles."""
        from pipeline.tokens.steps import plan_tokens
        from pipeline.tokens.train import TokenizerUnit

        settings, corpus = self.settings(job), job.corpus
        unit = TokenizerUnit(
            corpus.tokenizer(settings.name),
            tuple(corpus.paths("corpus", job.interval)),
            self._tokenizer_draft(job),
            settings,
        )
        return plan_tokens(unit, self.folder(job), self.draft(job))

    def _stage_folder(self, job: Job) -> str:
        return f"tokens/{self.settings(job).name}"

    def _tokenizer_draft(self, job: Job) -> Manifest:
        """What the tokenizer must have been made from.

        It is trained on the interval that first needs it.  While no other interval
        has shards it follows that interval's corpus; afterwards it stays as it is.
        """
        settings, corpus = self.settings(job), job.corpus
        others = [i for i in corpus.intervals(self._stage_folder(job)) if i != job.interval]
        inputs: dict[str, str] = {}
        kind = settings.chosen_kind()
        for path in kind.files():
            inputs[path] = files.content_fingerprint(path)
        if kind.trained and not others:
            inputs["corpus"] = corpus.require("corpus", job.interval).fingerprint
        decisive = settings.of_tokenizer()
        draft = self.draft(job).model_copy(
            update={
                "stage": "tokenizer",
                "settings": decisive,
                "settings_hash": work_key(sorted(decisive.items())),
                "inputs": inputs,
                "counts": Counts(),
            }
        )
        _refuse_another(corpus, settings.name, draft, others)
        return draft


def _refuse_another(corpus: Corpus, name: str, draft: Manifest, others: list[str]) -> None:
    """A tokenizer that other intervals' shards use cannot be changed."""
    tokenizer = read_manifest(corpus.tokenizer(name))
    if tokenizer is not None and others and tokenizer.settings_hash != draft.settings_hash:
        raise SettingError(
            f"Tokenizer {name} was made with other settings and is used by {', '.join(others)}",
            "Set tokens.name to a new name, or put its settings back",
        )
