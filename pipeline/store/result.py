"""What a subcommand answers to programs: `webtext --result FILE …` writes it as JSON.

Each subcommand returns a `Result`, and the command writes it (`pipeline/cli/__init__.py`).
Schedulers read it (the DAGs in `dags/` pass it on from task to task); people read the
command's output.  docs/results.md has what each of them answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

#: The exit code of a command that did its work and whose answer is no (`webtext compare`).
ANSWER_IS_NO = 3


@dataclass(frozen=True)
class Result:
    """The answer: plain values, dataclasses or lists of them by name, and the exit code."""

    value: dict[str, Any]
    exit_code: int = 0

    def to_json(self) -> bytes:
        """Indented JSON; a number that is none (NaN) is null."""
        options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
        return orjson.dumps(self.value, default=_plain, option=options)


def _plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no part of an answer")
