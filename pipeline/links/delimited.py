"""Lists of delimited values: csv, tsv and text, with a header or without, by a CSV reader.

A quoted field may hold line ends.  A quote that is never closed would swallow what is behind it;
a record over several lines that has not as many fields as the others costs its first line alone.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import NamedTuple

from pipeline.links.list_row import ADDRESSES, DATES, SCORES, is_address
from pipeline.links.records import BadLineError

#: Rows by which the columns of a list without names are told.
_SAMPLE = 100
_DELIMITERS = (",", ";", "\t", "|")
#: The line by which Excel names the delimiter.
_SEP = re.compile(rb"sep=(.)\r?\n", re.I)
#: An address among numbers and times, with blanks between.
_SPACED = re.compile(rb"\s*(?:[-+.:\dTZ]+ +)*https?://\S+(?: +[-+.:\dTZ]+)*\s*", re.I)
#: Lines of one record; more are a quote that was never closed.
_MOST_LINES = 1_000
#: A name of a column that is not known.
_NAME = re.compile(r"[a-z_][\w -]*")
#: Characters of one field; csv has one bound for the whole process, so each reader sets its own.
_FIELD = 131_072
_EPOCH = 100_000_000  # seconds; larger numbers are times, smaller ones scores

Line = tuple[int, bytes]


class DelimitedRecord(NamedTuple):
    """A record: where it begins, its bytes, and its fields, or why it has none."""

    offset: int
    raw: bytes
    fields: list[str]
    error: str = ""


@dataclass(frozen=True)
class Columns:
    """Where address, score and date stand in a record; None: nowhere."""

    url: int
    score: int | None
    date: int | None

    def row(self, fields: Sequence[str]) -> dict[str, str]:
        """The values of a record by name; BadLineError where there is no address."""
        if self.url >= len(fields):
            raise BadLineError(f"{len(fields)} fields, and the address is the {self.url + 1}th")
        places = {"url": self.url, "score": self.score, "date": self.date}
        return {
            name: fields[place].strip()
            for name, place in places.items()
            if place is not None and place < len(fields)
        }


def delimited(name: str, lines: Iterable[Line]) -> tuple[Iterator[Line], str]:
    """The lines of a list and what delimits their fields, told by its name and its beginning.

    A list whose name does not say that it is csv, and which has no names of columns, has an
    address a line: a tab ends it, and a blank where all that stands beside it is numbers.
    """
    source = iter(lines)
    head = list(islice(source, _SAMPLE))
    if head and (named := _SEP.fullmatch(head[0][1])):
        return chain(head[1:], source), named[1].decode("latin-1")
    delimiter = delimiter_of(name, _text(head[0][1]) if head else "")
    if delimiter == "\t" and (told := _delimiter_of_numbers(head)):
        return chain(head, source), told
    if delimiter == "\t" and head and all(_SPACED.fullmatch(line) for _, line in head):
        return _tabbed(chain(head, source)), delimiter
    return chain(head, source), delimiter


def _delimiter_of_numbers(head: Sequence[Line]) -> str:
    """What parts an address from numbers and times behind it, on each of several lines."""
    for delimiter in (",", ";", "|"):
        numbered = re.compile(
            rf"\s*https?://[^\s{delimiter}]+(?:{re.escape(delimiter)} ?[-+.:\dTZ]+)+\s*", re.I
        )
        if len(head) > 1 and all(numbered.fullmatch(_text(line)) for _, line in head):
            return delimiter
    return ""


def _tabbed(lines: Iterable[Line]) -> Iterator[Line]:
    """Lines with a tab in place of each row of blanks."""
    for offset, line in lines:
        yield offset, re.sub(rb" +", b"\t", line.lstrip(b" ")) if _SPACED.fullmatch(line) else line


def delimiter_of(name: str, first: str) -> str:
    """The delimiter of a list, by its name and its first line."""
    header = _header_delimiter(first.rstrip())
    if not name.endswith(".csv"):
        return header if header and header in first else "\t"
    if header:
        return header
    return max(_DELIMITERS, key=lambda delimiter: sum(map(is_address, first.split(delimiter))))


def _header_delimiter(first: str) -> str:
    for delimiter in _DELIMITERS:
        if _first_known([_bare(name) for name in first.split(delimiter)], ADDRESSES) is not None:
            return delimiter
    return ""


class Quoting(NamedTuple):
    """Whether quotes hold a field together, and whether a backslash takes a quote's meaning."""

    quotes: bool = True
    backslash: bool = False


def records(lines: Iterable[Line], delimiter: str) -> Iterator[DelimitedRecord]:
    """The records of lines that have their ends, in order.

    Between tabs a quote may be a letter like others, and databases write `\\"` for a quote in a
    field: how quotes are meant is told by which makes the best records of the first lines.
    """
    source = iter(lines)
    head = list(islice(source, 2 * _SAMPLE))
    possible = [Quoting()]
    if delimiter == "\t":
        possible.append(Quoting(quotes=False))
    if any(b'\\"' in line for _, line in head):
        possible.append(Quoting(backslash=True))
    quoting = max(possible, key=lambda one: _quality(head, delimiter, one))
    return _Reader(chain(head, source), delimiter, quoting).records()


def _quality(lines: list[Line], delimiter: str, quoting: Quoting) -> int:
    """How many records have an address and are as long as most, less the others."""
    read = list(_Reader(lines, delimiter, quoting).records())
    widths = Counter(len(record.fields) for record in read)
    usual = max(widths, key=lambda width: (widths[width], width), default=0)
    good = sum(len(r.fields) == usual and any(map(is_address, r.fields)) for r in read)
    return 2 * good + widths[usual] - len(read)


class _Reader:
    """Reads records; lines that were read too far are put back."""

    def __init__(self, lines: Iterable[Line], delimiter: str, quoting: Quoting) -> None:
        self._lines, self._delimiter, self._quoting = iter(lines), delimiter, quoting
        self._back: deque[Line] = deque()
        self._width: int | None = None

    def records(self) -> Iterator[DelimitedRecord]:
        while (line := self._next()) is not None:
            record = self._record(line)
            if record.fields or record.error:
                yield record

    def _next(self) -> Line | None:
        return self._back.popleft() if self._back else next(self._lines, None)

    def _record(self, line: Line) -> DelimitedRecord:
        text = _text(line[1]).rstrip("\r\n")
        if '"' in text and self._quoting.quotes:
            return self._quoted(line)
        fields = text.split(self._delimiter) if text.strip() else []
        return self._sized(
            DelimitedRecord(*line, list(map(_unquoted, fields)) if '"' in text else fields)
        )

    def _quoted(self, line: Line) -> DelimitedRecord:
        """A record with quotes, which may go on over several lines."""
        taken, closed = [line], True

        def feed() -> Iterator[str]:
            nonlocal closed
            yield _for_reader(line[1])
            while len(taken) < _MOST_LINES and (more := self._next()) is not None:
                taken.append(more)
                yield _for_reader(more[1])
            closed = False  # the reader asks for more than there is

        try:
            escape = "\\" if self._quoting.backslash else None
            csv.field_size_limit(_FIELD)
            reader = csv.reader(feed(), delimiter=self._delimiter, escapechar=escape)
            fields = next(reader, [])
            fits = closed and self._fits(fields, len(taken))
            error = "" if fits else "a quote that is not closed"
        except csv.Error as failure:
            fields, error = [], str(failure)
        if error:
            self._back.extendleft(reversed(taken[1:]))
            return DelimitedRecord(*line, [], error)
        return self._sized(DelimitedRecord(line[0], b"".join(raw for _, raw in taken), fields))

    def _fits(self, fields: Sequence[str], lines: int) -> bool:
        """Whether a record over several lines has as many fields as those before."""
        return lines == 1 or self._width in (None, len(fields))

    def _sized(self, record: DelimitedRecord) -> DelimitedRecord:
        if self._width is None and record.fields and not _is_note(record.fields):
            self._width = len(record.fields)
        return record


def told_columns(sample: Sequence[Sequence[str]]) -> tuple[Columns, bool]:
    """Where address, score and date stand, and whether the first record is a header.

    Without names that are known the address is the column with the most addresses.  Behind one that
    comes first stand its score and its date, as in a text list; else the score is the first column
    of whole numbers behind the address, or the only one, and the date the first of times.
    """
    first = [_bare(name) for name in sample[0]] if sample else []
    address = _first_known(first, ADDRESSES)
    if address is not None and not any(map(is_address, first)):
        return Columns(address, _first_known(first, SCORES), _first_known(first, DATES)), True
    header = len(first) > 1 and all(map(_NAME.fullmatch, first))
    sample = sample[header:]
    width = max(map(len, sample), default=1)
    values = [[row[number] for row in sample if number < len(row)] for number in range(width)]
    url = max(range(width), key=lambda number: (sum(map(is_address, values[number])), -number))
    if url == 0 and width <= 3:
        return Columns(0, 1 if width > 1 else None, 2 if width > 2 else None), header
    scores = [n for n in range(width) if n != url and _mostly(values[n], _is_score)]
    dates = [n for n in range(width) if n != url and _mostly(values[n], _is_time)]
    behind = [number for number in scores if number > url] or scores[: len(scores) == 1]
    return Columns(url, behind[0] if behind else None, dates[0] if dates else None), header


def _first_known(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _bare(name: str) -> str:
    return _unquoted(name.strip()).strip().lower()


def _unquoted(field: str) -> str:
    if len(field) > 1 and field[0] == field[-1] == '"':
        return field[1:-1].replace('""', '"')
    return field


def _text(raw: bytes) -> str:
    """A line as text; bytes that are no UTF-8 cost the field that they stand in, if it is used."""
    return raw.decode("utf-8", "surrogateescape")


def _for_reader(raw: bytes) -> str:
    """A line as the CSV reader takes it: with one end, and none inside, which it refuses."""
    return _text(raw).replace("\r\n", "\n").replace("\r", " ")


def _is_note(fields: Sequence[str]) -> bool:
    return fields[0].startswith("#")


def _mostly(values: Sequence[str], test: Callable[[str], bool]) -> bool:
    filled = [value.strip() for value in values if value.strip()]
    return bool(filled) and 2 * sum(map(test, filled)) >= len(filled)


def _is_score(value: str) -> bool:
    digits = value.removeprefix("-").removesuffix(".0")
    return digits.isdigit() and len(digits) < 10 and int(digits) < _EPOCH


def _is_time(value: str) -> bool:
    if value.replace(".", "", 1).isdigit():
        return len(value) > 8
    return len(value) >= 10 and value[:4].isdigit() and value[4] == "-" and value[7] == "-"
