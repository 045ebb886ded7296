"""Which model is the published one: `PUBLISHED.json` in a folder of models says it.

Those who use the model go by this file, which appears whole.  A run takes the place of the one
before when its loss on the same validation text is not worse.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.store.errors import SettingError, WebtextError
from trainer.eval.evaluate import Say, evaluate_run
from trainer.run.checkpoint import latest, write_atomic
from trainer.run.run import RunFolder

PUBLISHED = "PUBLISHED.json"


@dataclass(frozen=True)
class Published:
    """What `PUBLISHED.json` says.  `model` is the folder in Hugging Face's format."""

    run: str
    model: str
    step: int
    #: Fingerprint of the shards it was trained on.
    fingerprint: str


@dataclass(frozen=True)
class Comparison:
    """Losses of a run and of the published one, None where there is none yet, on the same text."""

    loss: float
    published_loss: float | None
    tolerance: float

    @property
    def worse(self) -> bool:
        """By more than the tolerance, in nats a token.  What is no number is worse than any."""
        if self.published_loss is None:
            return not math.isfinite(self.loss)
        return not self.loss <= self.published_loss + self.tolerance

    def __str__(self) -> str:
        if self.published_loss is None:
            return f"Loss {self.loss:.4f}; nothing is published yet"
        verdict = "worse than" if self.worse else "not worse than"
        return f"Loss {self.loss:.4f}, {verdict} the published {self.published_loss:.4f}"


def read_published(models: str) -> Published | None:
    """The published model of a folder; WebtextError where its file is damaged."""
    path = Path(models) / PUBLISHED
    try:
        return Published(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError):
        raise WebtextError(f"{path} is damaged", "Publish the model again") from None


def compare(run: str, models: str, tolerance: float, say: Say) -> Comparison:
    """Losses of `run` and of the published run on the whole validation split of `run`'s shards.

    Raises SettingError where they cannot be compared.
    """
    facts = RunFolder(Path(run)).facts()
    before = read_published(models)
    if before is not None:
        other = RunFolder(Path(before.run)).facts()
        if latest(RunFolder(Path(before.run)).checkpoints, say, before.step) is None:
            raise WebtextError(
                f"Step {before.step} of the published run {before.run} is not there any more",
                "Keep it next time (checkpoint.keep_every), and publish this one by hand",
            )
        for name, mine, theirs in (
            ("tokenizer", facts.tokenizer, other.tokenizer),
            ("objective", facts.recipe["objective"], other.recipe["objective"]),
        ):
            if mine != theirs:
                raise SettingError(
                    f"{run} and {before.run} have another {name}: their losses say nothing",
                    "Judge them on a task (`webtext eval --task`), then publish by hand",
                )
    loss = evaluate_run(run, facts.data, None, say)["loss"]
    published_loss = (
        evaluate_run(before.run, facts.data, before.step, say)["loss"] if before else None
    )
    return Comparison(loss, published_loss, tolerance)


def model_folder(run: str, models: str) -> tuple[str, int]:
    """Where the model of a run's last checkpoint belongs in a folder of models, and its step."""
    folder = RunFolder(Path(run))
    folder.facts()  # refuses what is no run
    checkpoint = latest(folder.checkpoints, lambda _: None)
    if checkpoint is None:
        raise WebtextError(f"{run} has no complete checkpoint", "Train on with --resume")
    return str(Path(models) / f"{folder.path.name}-{checkpoint.step:08d}"), checkpoint.step


def publish_model(run: str, models: str) -> Published:
    """Makes the exported model of a run's last checkpoint the published one.

    Raises WebtextError while it is not in its `model_folder`.
    """
    folder, step = model_folder(run, models)
    if not any(Path(folder).glob("**/config.json")):
        raise WebtextError(
            f"{folder} holds no model", f"Run `webtext export {run} {models} --by-step` first"
        )
    published = Published(run, folder, step, RunFolder(Path(run)).facts().fingerprint)
    write_atomic(Path(models) / PUBLISHED, json.dumps(asdict(published), indent=1))
    return published
