"""`webtext verify`: every file is there and unchanged, and the stages fit together."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.store import files
from pipeline.store.corpus import Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.forgotten import refuse_pending
from pipeline.store.manifest import (
    MANIFEST,
    OLD_MANIFEST,
    PREVIOUS,
    PROGRESS,
    WORK,
    Manifest,
    add_fingerprints,
    read_manifest,
)
from pipeline.views.kept import check_kept
from pipeline.views.leaks import check_leaks
from pipeline.views.passages import check_passages
from pipeline.views.processes import Run, processes
from pipeline.views.recorded import Recorded, seconds_of
from pipeline.views.status import stage_folders, stale_inputs

_TOKENIZER_REMEDY = (
    "Bring it back from a copy: shards that were made with another tokenizer say something else"
)
#: What a stage's folder holds beside the files of its manifest.
_OWN = frozenset({MANIFEST, OLD_MANIFEST, PREVIOUS, PROGRESS, WORK})
_REMEDY = "Remove the stage's _manifest.json and build again: what is damaged is made anew"


@dataclass(frozen=True)
class Verified:
    """How much was verified."""

    stages: int
    files: int


def verify_corpus(corpus: Corpus, only: str | None = None, workers: int = 1) -> Verified:
    """Checks all stages; raises WebtextError that names the first thing that is wrong.

    With `only` the files of that interval alone are read; that it fits to those before is
    checked by their manifests.  `workers` processes read them, where there is much to read.
    """
    refuse_pending(corpus)
    manifests = finished_stages(corpus, only)
    chosen = {key: m for key, m in manifests.items() if only in (None, key[1])}
    entries = (entry for manifest in chosen.values() for entry in manifest.entries())
    with processes(seconds_of(entries), workers) as run:
        for (stage, interval), manifest in chosen.items():
            verify_stage(corpus.folder(stage, interval), manifest, run)
        _verify_tokenizers(corpus, chosen, run)
        check_kept(corpus)
        check_passages(corpus)
        _verify_splits(corpus, manifests, run)
    return Verified(len(chosen), sum(manifest.file_count() for manifest in chosen.values()))


def finished_stages(corpus: Corpus, only: str | None = None) -> dict[tuple[str, str], Manifest]:
    """The manifests of all finished stages.

    Raises WebtextError where one is unfinished, or was made from other input than is there
    now; with `only` where one of that interval is.
    """
    manifests: dict[tuple[str, str], Manifest] = {}
    for stage, interval, folder in stage_folders(corpus):
        manifest = read_manifest(folder)
        if manifest is not None:
            manifests[stage, interval] = manifest
        elif only in (None, interval):
            raise WebtextError(
                f"Stage {stage} of {interval} is unfinished", "Run `webtext build` to finish it"
            )
    if not any(only in (None, interval) for _, interval in manifests):
        missing = "corpus" if only is None else f"interval {only}"
        raise WebtextError(f"{corpus.root} holds no {missing}", "Run `webtext build RECIPE` first")
    for stage, interval, name in stale_inputs(manifests):
        if only in (None, interval):
            raise WebtextError(
                f"Stage {stage} of {interval} was made from another {name} than is there now",
                "Run `webtext build` to bring it up to date",
            )
    return manifests


def _verify_tokenizers(corpus: Corpus, stages: dict[tuple[str, str], Manifest], run: Run) -> None:
    """Checks the tokenizer of each stage of shards, and that it is the one they were made with."""
    made_with = {
        (name.partition("/")[2], fingerprint, interval)
        for (_, interval), manifest in stages.items()
        for name, fingerprint in manifest.inputs.items()
        if name.startswith("tokenizers/")
    }
    for name in sorted({name for name, _, _ in made_with}):
        folder = corpus.tokenizer(name)
        manifest = read_manifest(folder)
        if manifest is None:
            raise WebtextError(f"Tokenizer {name} has no manifest in {folder}", _TOKENIZER_REMEDY)
        verify_stage(folder, manifest, run, _TOKENIZER_REMEDY)
        for of, fingerprint, interval in sorted(made_with):
            if of == name and fingerprint != manifest.fingerprint:
                raise WebtextError(
                    f"Stage tokens/{name} of {interval} was made with another tokenizer than is "
                    "there now",
                    _TOKENIZER_REMEDY,
                )


def _verify_splits(corpus: Corpus, manifests: dict[tuple[str, str], Manifest], run: Run) -> None:
    """No near-duplicate of a validation document is trained on; needs the texts to be there."""
    tokenized = {(stage, interval) for stage, interval in manifests if stage.startswith("tokens/")}
    for name in sorted({stage for stage, _ in tokenized}):
        intervals = [interval for stage, interval in tokenized if stage == name]
        needed = [(stage, i) for stage in ("corpus", "dedup") for i in intervals]
        if all(key in manifests for key in needed):
            check_leaks(corpus, name.removeprefix("tokens/"), run)


def verify_stage(folder: str, manifest: Manifest, run: Run = map, remedy: str = _REMEDY) -> None:
    """Checks one stage: bytes, hashes, rows and fingerprint of every file, and no others there."""
    entries = list(manifest.entries())
    recorded = [Recorded(files.join(folder, entry.name), entry, remedy) for entry in entries]
    for _ in run(Recorded.check, recorded):
        pass
    expected = _OWN | manifest.own_names() | {entry.name.split("/")[0] for entry in entries}
    for path in files.listed(folder, "*"):
        if files.name_of(path) not in expected:
            raise WebtextError(
                f"{path} is in no manifest: who reads the folder would read it, too",
                "Move it away; `webtext build` makes nothing there that its manifest does not name",
            )
    fingerprint = add_fingerprints(e.fingerprint for e in entries if e.fingerprint)
    if fingerprint != manifest.fingerprint:
        raise WebtextError(f"{folder}: the fingerprint is not the sum of its files'", remedy)
