"""The lines of a run's log, one JSON object a step; reading them takes no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def cut_log(path: Path, step: int) -> float:
    """Drops the lines after step `step` (a resumed run writes them again).

    A last line that was cut goes as well.  Returns the seconds of training so far.
    """
    if not path.exists():
        return 0.0
    kept, seconds = [], 0.0
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            values = json.loads(line)
        except ValueError:
            break
        if values["step"] > step:
            break
        kept.append(line + "\n")
        seconds += values.get("seconds", 0.0)
    path.write_text("".join(kept), encoding="utf-8")
    return seconds


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log, in order; a last line that was cut is left out."""
    lines: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            break
    return lines
