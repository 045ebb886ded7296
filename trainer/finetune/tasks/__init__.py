"""Tasks that are learned: one class each, by the entry points `webtext.tasks`."""

from __future__ import annotations

from pipeline.store.errors import SettingError
from trainer.eval.task import TASKS, Task
from trainer.finetune.examples import ExampleColumns
from trainer.finetune.task import FineTuningTask
from trainer.finetune.tasks.choices import AskedChoices


def open_task(name: str, columns: ExampleColumns) -> FineTuningTask:
    """The task of a name.  One of `webtext eval` that has choices is learned as these.

    Raises SettingError for an unknown name.
    """
    kind = TASKS.get(name, "--task")
    if issubclass(kind, FineTuningTask):
        return kind(columns)
    if issubclass(kind, Task):
        return AskedChoices(columns, kind())
    raise SettingError(f"--task {name} cannot be learned", TASKS.names_known())
