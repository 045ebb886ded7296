"""What a killed crawl, or a machine that lost its power, left behind: how much of it can be used.

A kill tears at most the last line of the journal and the last record of the archive.
A power cut can do more: files are written back in any order, so the archive may be
shorter than its journal says, hold zeros in the middle, or be gone.  So nothing is
believed that the archive does not bear out: a line counts only where all members of
the archive up to its end are whole.  From the first line on that fails the test,
pages are fetched again.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

_STEP = 1 << 20


class Line(NamedTuple):
    """One line of a journal and where it ends in the file."""

    row: dict[str, Any]
    stop: int


def whole_lines(journal: Path) -> Iterator[Line]:
    """The lines of a journal up to the first that is cut or damaged; none without a file."""
    if not journal.exists():
        return
    stop = 0
    with journal.open("rb") as stream:
        for line in stream:
            stop += len(line)
            values = _parsed(line)
            if values is None:
                return
            yield Line(values, stop)


def _parsed(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return values if isinstance(values, dict) else None


def supported(lines: Iterator[Line], position: str, whole: Callable[[int], int]) -> Iterator[Line]:
    """The lines up to the first whose archive does not bear it out.

    `position` names the field [segment, bytes] that says where the archive ended;
    `whole(segment)` tells how many bytes of a segment can be read, -1 without one.
    """
    for line in lines:
        segment, end = line.row[position]
        if end > whole(segment):
            return
        yield line


def whole_members(archive: Path) -> int:
    """How many bytes at the start of a gzip file are whole members, checked by their CRC."""
    if not archive.exists():
        return -1
    good = taken = 0
    inflater = zlib.decompressobj(31)
    with archive.open("rb") as stream:
        while piece := stream.read(_STEP):
            while piece:
                try:
                    _inflate(inflater, piece)
                except zlib.error:
                    return good
                if not inflater.eof:
                    taken += len(piece)
                    break
                taken += len(piece) - len(inflater.unused_data)
                good, piece = taken, inflater.unused_data
                inflater = zlib.decompressobj(31)
    return good


def _inflate(inflater: Any, piece: bytes) -> None:
    """Runs through the data and throws it away, a step at a time: bombs cost no memory."""
    inflater.decompress(piece, _STEP)
    while inflater.unconsumed_tail and not inflater.eof:
        inflater.decompress(inflater.unconsumed_tail, _STEP)
