"""What fine-tuning asks of a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from torch import Tensor

from pipeline.store.errors import SettingError
from pipeline.store.tables import Row
from trainer.data.tables import read_rows
from trainer.eval.task import TaskBase
from trainer.finetune.encoding import Input
from trainer.finetune.examples import Example, ExampleColumns
from trainer.finetune.metrics import Metric
from trainer.models.task_head import Use


class FineTuningTask(TaskBase, ABC):
    """A task that is learned from labelled examples; joins by the group `webtext.tasks`."""

    #: What the head scores, and the figures of how well.
    use: ClassVar[Use]
    metrics: ClassVar[tuple[Metric, ...]]

    def __init__(self, columns: ExampleColumns) -> None:
        self.columns = columns

    def rows(self, path: str) -> Iterator[Row]:
        """The rows of a file, by the suffix of its name (`trainer.data.tables`)."""
        return read_rows(path, self.columns.text)

    def read(self, path: str, labelled: bool = True) -> Iterator[tuple[Row, Example]]:
        """The rows of a file, one by one, with the example of each.

        Raises SettingError, with the row, where it has no such column, no label, or a wrong one.
        """
        for number, row in enumerate(self.rows(path), 1):
            try:
                example = self.example(row, labelled)
            except KeyError as error:
                raise SettingError(
                    f"{path}, row {number} has no {error}; it has {', '.join(map(str, row))}",
                    "Name its columns with --text, --pair, --choices and --label",
                ) from None
            except (ValueError, TypeError, AttributeError) as error:
                raise SettingError(
                    f"{path}, row {number}: {error}", "Correct or remove it"
                ) from None
            yield row, example

    def read_all(self, path: str) -> list[Example]:
        """All examples of a file, labelled; SettingError where it has none."""
        examples = [example for _, example in self.read(path)]
        if not examples:
            raise SettingError(f"{path} has no examples", "Give another file")
        return examples

    @abstractmethod
    def example(self, row: Row, labelled: bool) -> Example:
        """An example of a row.

        Raises KeyError for a column that is missing, ValueError for a value that is none.
        """

    def labels(self, examples: Sequence[Example]) -> tuple[str, ...]:
        """The names of the classes that may be predicted; none where there are no classes."""
        return ()

    @abstractmethod
    def loss(
        self, scores: Tensor, examples: Sequence[Example], inputs: Sequence[Sequence[Input]]
    ) -> Tensor:
        """The mean loss in nats of some examples, or squared error of numbers.

        `scores` are the head's of all inputs, those of an example together: (inputs, outputs), of
        spans (inputs, positions, 2).
        """

    @abstractmethod
    def answer(
        self, scores: Tensor, example: Example, inputs: Sequence[Input], labels: Sequence[str]
    ) -> dict[str, Any]:
        """What is predicted for one example: `predicted`, and beside it how sure.

        `scores` as above, of its inputs alone.
        """
