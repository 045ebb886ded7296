"""Evaluation tasks as items: a context, the choices that may follow it, and the right one.

decaNLP (McCann et al. 2018) writes every task as question, context and answer, and
GPT-2 and GPT-3 are judged so; `qa` takes any task in that form from a file of the user's.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from pipeline.store.errors import SettingError


@dataclass(frozen=True)
class Item:
    """One question.  With a single choice the model is right when it would say it greedily."""

    context: str
    choices: tuple[str, ...]
    answer: int
    group: str = ""


def blimp(path: Path) -> Iterator[Item]:
    """BLiMP (Warstadt et al. 2020): the grammatical of two sentences; a group a phenomenon."""
    for row in _rows(path):
        yield Item("", (row["sentence_good"], row["sentence_bad"]), 0, row["UID"])


def piqa(path: Path) -> Iterator[Item]:
    """PIQA (Bisk et al. 2020); `valid.jsonl` with `valid-labels.lst` beside it."""
    labels = path.with_name(f"{path.stem}-labels.lst")
    if not labels.is_file():
        raise SettingError(f"PIQA's labels {labels} are missing", "Put them beside the questions")
    answers = labels.read_text(encoding="utf-8").split()
    for row, answer in zip(_rows(path), answers, strict=True):
        # As lm-evaluation-harness asks it; the paper's solutions follow the goal bare.
        yield Item(f"Question: {row['goal']}\nAnswer:", (row["sol1"], row["sol2"]), int(answer))


def hellaswag(path: Path) -> Iterator[Item]:
    """HellaSwag (Zellers et al. 2019), its own JSON lines (`ctx`, `endings`, `label`)."""
    for row in _rows(path):
        yield Item(row["ctx"], tuple(row["endings"]), int(row["label"]))


def lambada(path: Path) -> Iterator[Item]:
    """LAMBADA (Paperno et al. 2016), OpenAI's JSON lines: the last word of `text`."""
    for row in _rows(path):
        context, _, word = row["text"].rpartition(" ")
        yield Item(context, (word,), 0)


def qa(path: Path) -> Iterator[Item]:
    """Any task: JSON lines with `question`, `answer`, and `context` and `choices` if there are."""
    for row in _rows(path):
        choices = tuple(row.get("choices") or (row["answer"],))
        if row["answer"] not in choices:
            raise SettingError(
                f"{path}: answer {row['answer']!r} is not among its choices", "Correct the file"
            )
        context = f"{row['context']}\n" if row.get("context") else ""
        asked = f"{context}Question: {row['question']}\nAnswer:"
        yield Item(asked, choices, choices.index(row["answer"]))


TASKS: dict[str, Callable[[Path], Iterator[Item]]] = {
    "blimp": blimp,
    "piqa": piqa,
    "hellaswag": hellaswag,
    "lambada": lambada,
    "qa": qa,
}


def read_items(task: str, file: str) -> list[Item]:
    """All items of a task.  Raises SettingError for an unknown task or an unfit file."""
    if task not in TASKS:
        raise SettingError(f"No task {task!r}", f"Known: {', '.join(TASKS)}")
    path = Path(file)
    if not file or not path.is_file():
        what = f"--file {file} is no file" if file else f"--task {task} has no file"
        raise SettingError(what, f"Give the items of {task} with --file")
    try:
        items = list(TASKS[task](path))
    except (KeyError, ValueError) as error:
        what = f"no key {error}" if isinstance(error, KeyError) else str(error)
        raise SettingError(
            f"{file} is not in the form of {task}: {what}", "docs/training.md shows the forms"
        ) from None
    if not items:
        raise SettingError(f"{file} has no items", "Give another file")
    return items


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as stream:
        plain: Any = stream
        if path.suffix == ".zst":
            plain = zstandard.ZstdDecompressor().stream_reader(stream)
        for line in io.TextIOWrapper(plain, encoding="utf-8"):
            if line.strip():
                yield json.loads(line)
