"""The folder of a run: what it is made of, and how it is opened again.

runs/NAME/
  run.json          recipe, identity, shards and their fingerprint, versions
  tokenizer.json    a copy, so that the run can generate without the corpus
  token_counts.json how often each token stands in the text, where masks follow from it
  log.jsonl         one line a step
  checkpoints/      step-00000100/ …
  tensorboard/
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import Tokenizer

from pipeline.store.errors import SettingError, WebtextError
from trainer.data.shard_set import Shards, find_shards
from trainer.data.tokenizers import read_tokenizer
from trainer.models.gpt import GPT
from trainer.objectives import build_objective
from trainer.objectives.base import Objective
from trainer.run.checkpoint import Checkpoint, latest, read_into, write_atomic
from trainer.run.token_counts import read_counts
from trainer.settings.recipe import RunRecipe

#: What a training writes before its first step.
_OURS = (
    "run.json", "tokenizer.json", "token_counts.json", "log.jsonl", "checkpoints", "tensorboard",
)  # fmt: skip
#: Tokens that end a document, by the names that tokenizers give them.
_END_TOKENS = ("<|endoftext|>", "[SEP]", "</s>")


#: How a training begins: "new" refuses a run that is there, "resume" wants one, "auto" both.
Start = Literal["new", "resume", "auto"]


@dataclass(frozen=True)
class RunFacts:
    """What `run.json` says."""

    recipe: dict[str, Any]
    identity: dict[str, Any]
    data: str
    fingerprint: str
    tokenizer: str  # sha256 of tokenizer.json
    end_token: int | None
    torch: str
    python: str
    #: Of each corpus: from which of its samples on which intervals take part.
    generations: list[list[dict[str, Any]]] = field(default_factory=list)
    #: sha256 of the weights of the model that it learns from.
    teacher: str = ""


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def log(self) -> Path:
        """The log, one JSON object a line."""
        return self.path / "log.jsonl"

    @property
    def tokenizer_path(self) -> Path:
        """The copy of the tokenizer."""
        return self.path / "tokenizer.json"

    @property
    def counts_path(self) -> Path:
        """The counts of the tokens."""
        return self.path / "token_counts.json"

    @property
    def begun(self) -> bool:
        """Whether a step was logged or saved: what failed before that is no run yet."""
        logged = self.log.is_file() and self.log.stat().st_size > 0
        return (self.path / "run.json").exists() and (logged or any(self.checkpoints.glob("*")))

    def check_start(self, start: Start) -> None:
        """Raises SettingError where a training cannot begin so in this folder."""
        if self.path.exists() and not self.path.is_dir():
            raise SettingError(f"--out {self.path} is a file", "Name a folder")
        if start == "resume" and not (self.path / "run.json").exists():
            raise SettingError(
                f"--out {self.path} holds no run to resume",
                "Correct --out; without --resume a new run starts, with --auto-resume either",
            )
        if start == "new" and self.begun:
            raise SettingError(
                f"{self.path} already holds a run", "Add --resume, or choose another --out"
            )
        others = [p.name for p in self.path.glob("*") if p.name not in _OURS]
        others.sort(key=lambda name: (name.startswith("."), name))
        if others and not (self.path / "run.json").exists():
            raise SettingError(
                f"--out {self.path} holds other files ({others[0]}) and no run",
                "Choose another --out",
            )

    def facts(self) -> RunFacts:
        """Reads `run.json`; WebtextError where there is no run or it is damaged."""
        path = self.path / "run.json"
        try:
            return RunFacts(**json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            raise WebtextError(
                f"{self.path} holds no run", "Give the --out of a training"
            ) from None
        except (ValueError, TypeError):
            raise WebtextError(f"{path} is damaged", "Train again, with another --out") from None

    def write(self, facts: RunFacts) -> None:
        """Writes `run.json`."""
        write_atomic(self.path / "run.json", json.dumps(asdict(facts), indent=1))

    def shards(self) -> Shards:
        """The shards that the run was trained on, in its generations.

        Raises SettingError when they are not there or not the same any more.
        """
        facts = self.facts()
        if not facts.generations:
            raise SettingError(
                f"{self.path} was trained by a version that took samples in another order",
                "Trace it with that version",
            )
        shards = find_shards(facts.data).at(facts.generations)
        if shards.fingerprint != facts.fingerprint:
            raise SettingError(
                f"The shards in {facts.data} are not those the run was trained on",
                "Bring back the shards with the fingerprint in run.json",
            )
        return shards

    def recipe(self) -> RunRecipe:
        """The run's recipe."""
        return RunRecipe.checked(self.facts().recipe, str(self.path / "run.json"))

    def tokenizer(self) -> Tokenizer:
        """The run's tokenizer."""
        return read_tokenizer(self.tokenizer_path)


def end_token(tokenizer: Tokenizer) -> int | None:
    """The id of the token that ends a document, None where there is none."""
    ids = (tokenizer.token_to_id(name) for name in _END_TOKENS)
    return next((found for found in ids if found is not None), None)


def with_vocabulary(recipe: RunRecipe, tokenizer: Tokenizer) -> RunRecipe:
    """The recipe with the vocabulary of the tokenizer; SettingError where it names another."""
    size = tokenizer.get_vocab_size()
    if recipe.model.vocab not in (0, size):
        raise SettingError(
            f"model.vocab = {recipe.model.vocab}, but the shards' tokenizer has {size} tokens",
            "Leave model.vocab out: it follows from the shards",
        )
    model = recipe.model.model_copy(update={"vocab": size})
    return recipe.model_copy(update={"model": model})


@dataclass
class Loaded:
    """A trained model with all it takes to use it."""

    folder: RunFolder
    facts: RunFacts
    recipe: RunRecipe
    objective: Objective
    tokenizer: Tokenizer
    checkpoint: Checkpoint


def load_run(path: str, device: torch.device, step: int | None, say: Any) -> Loaded:
    """The model of a run at its last complete checkpoint, or at that of `step`, for use."""
    folder = RunFolder(Path(path))
    facts, recipe = folder.facts(), folder.recipe()
    checkpoint = latest(folder.checkpoints, say, step)
    if checkpoint is None:
        which = "no complete checkpoint" if step is None else f"no checkpoint of step {step}"
        raise WebtextError(f"{path} has {which}", "Train on with `webtext train … --resume`")
    objective = build_objective(recipe, facts.end_token, folder.tokenizer())
    if objective.wants_counts:
        objective.know_counts(read_counts(folder.counts_path))
    weights = {f"weights.{name}": p.detach() for name, p in objective.named_parameters()}
    read_into(checkpoint.folder, weights, alone=True)
    objective.to(device).eval()
    return Loaded(folder, facts, recipe, objective, folder.tokenizer(), checkpoint)


def decoder(loaded: Loaded) -> GPT:
    """The run's GPT; SettingError when the run has none to generate with."""
    model = loaded.objective.exports()[""].model
    if not isinstance(model, GPT):
        raise SettingError(f"{loaded.folder.path} is no GPT", "Only a decoder generates text")
    return model
