"""Conditions on the columns of a table: from what a form sends to SQL with parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.store.errors import SettingError

#: What a condition compares by, and its SQL; `{}` is the column.
OPERATORS = {
    "is": "{} = ?",
    "is not": "{} IS DISTINCT FROM ?",
    "contains": "contains(lower({}::VARCHAR), lower(?))",
    "at least": "{} >= ?",
    "at most": "{} <= ?",
    "is empty": "coalesce({}::VARCHAR, '') = ''",
    "is not empty": "coalesce({}::VARCHAR, '') <> ''",
}
#: Operators that take no value.
WITHOUT_VALUE = frozenset({"is empty", "is not empty"})
_NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL")
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Condition:
    """One column against one value, as a form sends it."""

    column: str
    operator: str
    value: str

    def sql(self, types: Mapping[str, str]) -> tuple[str, list[Any]]:
        """The condition as SQL and its parameters; `types` are DuckDB's, by column.

        Raises SettingError for a column or operator that is not there, or a value of another type.
        """
        if self.column not in types:
            raise SettingError(f"No column {self.column!r}", f"One of: {', '.join(types)}")
        if self.operator not in OPERATORS:
            raise SettingError(
                f"No comparison {self.operator!r}", f"One of: {', '.join(OPERATORS)}"
            )
        expression = OPERATORS[self.operator].format(quoted(self.column))
        if self.operator in WITHOUT_VALUE:
            return expression, []
        if self.operator == "contains":
            return expression, [self.value]
        return expression, [self._typed(types[self.column])]

    def _typed(self, kind: str) -> Any:
        try:
            if kind == "BOOLEAN":
                return _TRUTHS[self.value.strip().lower()]
            if any(number in kind for number in _NUMBERS):
                return float(self.value.replace(",", ""))
        except (KeyError, ValueError):
            wanted = "true or false" if kind == "BOOLEAN" else "a number"
            raise SettingError(
                f"{self.column} {self.operator} {self.value!r}", f"Give {wanted}"
            ) from None
        return self.value


def read_conditions(
    columns: Sequence[str], operators: Sequence[str], values: Sequence[str]
) -> list[Condition]:
    """The conditions of a form's rows, those without a column left out.

    Raises SettingError where the three lists are not of one length.
    """
    if not len(columns) == len(operators) == len(values):
        raise SettingError("A condition is incomplete", "Give column, comparison and value")
    rows = zip(columns, operators, values, strict=True)
    return [Condition(*row) for row in rows if row[0]]


def quoted(column: str) -> str:
    """A column's name as SQL writes it."""
    return '"' + column.replace('"', '""') + '"'
