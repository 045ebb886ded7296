"""Examples, and where their parts are in the rows of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.store.tables import Row


@dataclass(frozen=True)
class Example:
    """One question.

    `first` and `second`: one text or two; of a span, the question and the text that has the
    answer.  `choices`: what may follow, each with what stands before it.  `label`: the name of a
    class, a number, the place of the right choice, or all right spans as (first character, text):
    none where the text has no answer.  None where it is to be predicted.
    """

    first: str
    second: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    label: Any = None


@dataclass(frozen=True)
class ExampleColumns:
    """Where the parts of an example are: names of columns, or of keys of JSON objects."""

    text: str = "sentence"
    pair: str = ""
    label: str = "label"
    choices: str = "choices"

    def texts(self, row: Row) -> tuple[str, str]:
        """The text, and the second one if there are two."""
        return _text(row, self.text), _text(row, self.pair) if self.pair else ""

    def label_of(self, row: Row) -> Any:
        """The label; ValueError where it is empty."""
        label = row[self.label]
        if label is None or str(label).strip() == "":
            raise ValueError(f"its {self.label} is empty")
        return label


def _text(row: Row, name: str) -> str:
    if row[name] is None:
        raise ValueError(f"its {name} is empty")
    return str(row[name])
