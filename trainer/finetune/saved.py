"""The folder of a fine-tuned model: what transformers opens, and how its rows were read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer

from pipeline.store.errors import SettingError, WebtextError
from trainer.data.tokenizers import read_tokenizer
from trainer.finetune.examples import ExampleColumns
from trainer.finetune.task import FineTuningTask
from trainer.finetune.tasks import open_task
from trainer.hf.folder import load_parts, save_parts
from trainer.models.encoder import Encoder
from trainer.models.parts import Parts
from trainer.run.checkpoint import write_atomic

_FACTS = "task.json"


@dataclass(frozen=True)
class Saved:
    """A fine-tuned model, ready to be asked."""

    parts: Parts[Encoder]
    tokenizer: Tokenizer
    task: FineTuningTask
    #: The task's name.
    name: str


def save_fine_tuned(
    folder: Path,
    parts: Parts[Encoder],
    tokenizer: Path,
    task: tuple[str, ExampleColumns],
    figures: dict[str, float],
    card: str,
) -> None:
    """Writes the model in Hugging Face's format, and `task.json`: task, columns and figures."""
    save_parts(parts, folder, tokenizer, None, card)
    facts = {"task": task[0], "columns": asdict(task[1]), "figures": figures}
    write_atomic(folder / _FACTS, json.dumps(facts, indent=1))


def open_fine_tuned(folder: str, device: torch.device, **columns: str | None) -> Saved:
    """A folder that `webtext finetune --out` wrote, or any fine-tuned encoder of transformers.

    `columns` that are given go before those that it was trained with.
    Raises WebtextError where there is none, SettingError where it has no head.
    """
    parts = load_parts(folder)
    if parts.task is None:
        raise SettingError(
            f"{folder} has no head for a task", "Give what `webtext finetune --out` has written"
        )
    name, facts = _facts(Path(folder), parts)
    given = {key: value for key, value in columns.items() if value is not None}
    task = open_task(name, ExampleColumns(**{**facts, **given}))
    if task.use != parts.task.use:
        raise SettingError(f"{folder}: {_FACTS} names the task {name}", f"Take {_FACTS} away")
    tokenizer = read_tokenizer(Path(folder) / "tokenizer.json")
    return Saved(parts.to(device), tokenizer, task, name)


def _facts(folder: Path, parts: Parts[Encoder]) -> tuple[str, dict[str, str]]:
    """The task and its columns; of another's model the one that its head is for."""
    if not (folder / _FACTS).exists():
        assert parts.task is not None
        classes = "classification" if parts.task.labels else "regression"
        return {"sequence": classes, "choice": "multiple-choice", "span": "spans"}[
            parts.task.use
        ], {}
    try:
        facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        columns = ExampleColumns(**facts["columns"])
        return str(facts["task"]), asdict(columns)
    except (ValueError, KeyError, TypeError) as error:
        raise WebtextError(
            f"{folder / _FACTS} is damaged: {error}", "Fine-tune again, or take it away"
        ) from None
