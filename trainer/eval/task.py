"""Evaluation tasks as items: a context, the choices that may follow it, and the right one.

decaNLP (McCann et al. 2018) writes every task as question, context and answer, and
GPT-2 and GPT-3 are judged so; `qa` takes any task in that form from a file of the user's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.store.errors import SettingError
from pipeline.store.registry import Registry
from trainer.data.tables import read_rows

#: The place of a right choice that nobody has said.
UNANSWERED = -1


@dataclass(frozen=True)
class Item:
    """One question.  With a single choice the model is right when it would say it greedily.

    `answer` is the place of the right choice, `UNANSWERED` where a row does not say it.

    `contexts`: of a question whose choices differ in what stands before, one for each choice;
    `context` is empty then.
    """

    context: str
    choices: tuple[str, ...]
    answer: int
    group: str = ""
    contexts: tuple[str, ...] = ()

    def context_of(self, choice: int) -> str:
        """What stands before a choice."""
        return self.contexts[choice] if self.contexts else self.context


class TaskBase:
    """A task, asked of a model as it is (`Task`) or learned (`trainer.finetune.task`)."""


class Task(TaskBase, ABC):
    """A task whose items are read from a file; joins by the group `webtext.tasks`."""

    def items(self, path: Path) -> Iterator[Item]:
        """All items of a file of JSON lines or another table (`trainer.data.tables`).

        Raises SettingError for a row that is not in the task's form.
        """
        for number, row in enumerate(read_rows(str(path)), 1):
            try:
                yield self.item(row)
            except (KeyError, ValueError, IndexError, TypeError, AttributeError) as error:
                raise SettingError(
                    f"{path}, row {number} is not in the form of this task: {_explained(error)}",
                    (type(self).__doc__ or "").splitlines()[0],
                ) from None

    @abstractmethod
    def item(self, row: dict[str, Any]) -> Item:
        """One item of one JSON object."""


TASKS = Registry("webtext.tasks", TaskBase, "task")


def read_items(task: str, file: str) -> list[Item]:
    """All items of a task.  Raises SettingError for an unknown task or an unfit file."""
    kind = TASKS.get(task, "--task")
    if not issubclass(kind, Task):
        raise SettingError(
            f"--task {task} has no items to ask: it is learned", "Give it to `webtext finetune`"
        )
    path = Path(file)
    if not file or not path.is_file():
        what = f"--file {file} is no file" if file else f"--task {task} has no file"
        raise SettingError(what, f"Give the items of {task} with --file")
    items = list(kind().items(path))
    if not items:
        raise SettingError(f"{file} has no items", "Give another file")
    for number, item in enumerate(items, 1):
        if not 0 <= item.answer < len(item.choices):
            raise SettingError(
                f"{file}, item {number} says that choice {item.answer} is right, of "
                f"{len(item.choices)}",
                "Test sets without answers cannot be judged; take the validation set",
            )
    return items


def answer_in(row: dict[str, Any], name: str, place: Callable[[str], int] = int) -> int:
    """The place of the right choice by a column; UNANSWERED where that is missing or empty.

    Test sets are published so: they can be predicted, and not judged.
    """
    value = row.get(name)
    text = "" if value is None else str(value).strip()
    return place(text) if text else UNANSWERED


def _explained(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)
