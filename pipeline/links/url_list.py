"""Lists of addresses that someone chose as a source (`kind = "urls"`), packed or not.

What a file is is told by its name and its first bytes: text, tsv and csv (`delimited.py`), JSON
lines and arrays (`json_list.py`), archives and CDX (`archive_list.py`), Parquet.  Names of columns
are in `list_row.py`.  An address without a score passes `min_karma`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, islice
from typing import Any, ClassVar, Literal

from pipeline.links.archive_list import (
    TABLE_COLUMNS,
    CdxReader,
    ListedCapture,
    archive_captures,
    is_cdx,
    is_page_row,
    needs_archive_reader,
)
from pipeline.links.delimited import DelimitedRecord, Line, delimited, records, told_columns
from pipeline.links.dumps import Block
from pipeline.links.json_list import array_rows
from pipeline.links.list_row import ADDRESSES, DATES, SCORES, mention, row_mentions
from pipeline.links.read_log import ReadLog
from pipeline.links.records import BadLineError, Mention, tolerant_json
from pipeline.links.sources import LinkSource, SourceItem
from pipeline.store import files
from pipeline.store.arc import MAGIC
from pipeline.store.errors import WebtextError
from pipeline.store.packing import without_packing
from pipeline.store.parquet import open_table

_SAMPLE = 100  # records by which columns are told
#: An array a line, with the address first, in place of one array.
_ARRAYS = re.compile(rb"\[\s*\"https?:[^\n]*\][ \t]*\r?\n\[", re.I)

Format = Literal["parquet", "archive", "cdx", "array", "json", "delimited"]


class UrlList(LinkSource):
    """Addresses that someone chose: text, tsv, csv, JSON, Parquet, WARC or CDX."""

    kind: Literal["urls"]
    """A list of addresses."""
    path: str
    """Glob of the files."""

    globs: ClassVar[tuple[str, ...]] = ("path",)
    version: ClassVar[str] = "4"

    def mentions(self, item: SourceItem, log: ReadLog) -> Iterator[Mention]:
        """One for each address."""
        if _is_parquet(item.path):
            return _of_table(item.path, log)
        if needs_archive_reader(item.path):
            return _of_archive(item.path, (), log)
        blocks = log.blocks(item.path)
        first = next(blocks)
        read = _READERS[list_format(item.path, first.data)]
        return read(item.path, chain([first], blocks), log)


def list_format(path: str, data: bytes) -> Format:
    """What a list is, by its name and the beginning of its content."""
    name, start = without_packing(path.lower()), data.lstrip()
    if start.startswith((b"WARC/", MAGIC)):
        return "archive"
    if is_cdx(data):
        return "cdx"
    if start.startswith(b"["):
        return "json" if _ARRAYS.match(start) else "array"
    named = name.endswith((".jsonl", ".ndjson", ".json"))
    return "json" if named or start.startswith(b"{") else "delimited"


def _is_parquet(path: str) -> bool:
    with files.open_read(path) as stream:
        return stream.read(4) == b"PAR1"


def _of_lines(
    path: str, blocks: Iterable[Block], log: ReadLog, read: Callable[[bytes], list[Mention]]
) -> Iterator[Mention]:
    for block in blocks:
        yield from log.lines_of(block, read)


def _of_json(path: str, blocks: Iterable[Block], log: ReadLog) -> Iterator[Mention]:
    return _of_lines(path, blocks, log, lambda line: _of_row(tolerant_json(line), log))


def _of_array(path: str, blocks: Iterable[Block], log: ReadLog) -> Iterator[Mention]:
    rows = array_rows(block.data for block in blocks)
    try:
        for number, row in rows:
            log.count()
            yield from _attempt(log, number, partial(_of_row, row, log))
    except BadLineError as error:
        raise WebtextError(f"{path} is no whole JSON array: {error}", "Fetch it again") from None


def _of_cdx(path: str, blocks: Iterable[Block], log: ReadLog) -> Iterator[Mention]:
    reader = CdxReader()

    def read(line: bytes) -> list[Mention]:
        capture = reader.read(line)
        return [] if capture is None else _page(capture, log)

    return _of_lines(path, blocks, log, read)


def _of_archive(path: str, blocks: Iterable[Block], log: ReadLog) -> Iterator[Mention]:
    done = 0
    for number, (read, capture) in enumerate(archive_captures(path)):
        log.count()
        log.progress(read - done)
        done = read
        yield from _attempt(log, number, partial(_page, capture, log))


def _of_row(row: Any, log: ReadLog) -> list[Mention]:
    """The mentions of a row with names, which may be one of an archive's index."""
    return row_mentions(row) if is_page_row(row) else _turned_away(log)


def _page(capture: ListedCapture, log: ReadLog) -> list[Mention]:
    """The mention of a page that an archive holds; others are turned away."""
    return [mention(capture.url, date=capture.time)] if capture.is_page else _turned_away(log)


def _turned_away(log: ReadLog) -> list[Mention]:
    log.turn_away("captures_no_page")
    return []


def _of_delimited(path: str, blocks: Iterable[Block], log: ReadLog) -> Iterator[Mention]:
    lines = _lines_with_ends(blocks)
    name = without_packing(path.lower())
    rows = records(*delimited(name, lines))
    if not name.endswith(".csv"):
        rows = (row for row in rows if not (row.fields and row.fields[0].startswith("#")))
    sample = list(islice(rows, _SAMPLE))
    columns, header = told_columns([row.fields for row in sample if row.fields])
    for row in islice(chain(sample, rows), int(header), None):
        log.count()
        yield from log.attempt(row.offset, row.raw, partial(_of_record, row, columns.row))


def _of_record(
    record: DelimitedRecord, row: Callable[[list[str]], dict[str, str]], _: bytes
) -> list[Mention]:
    if record.error:
        raise BadLineError(record.error)
    return row_mentions(row(record.fields))


def _lines_with_ends(blocks: Iterable[Block]) -> Iterator[Line]:
    """(offset, line with its end) of each line; where there is no other, a return ends it."""
    for block in blocks:
        offset, end = block.offset, b"\n" if b"\n" in block.data else b"\r"
        for line in block.data.split(end):
            if line:
                yield offset, line + end
            offset += len(line) + 1


def _of_table(path: str, log: ReadLog) -> Iterator[Mention]:
    for number, row in enumerate(parquet_rows(path, log.progress)):
        log.count()
        yield from _attempt(log, number, partial(_of_row, row, log))


def _attempt(log: ReadLog, number: int, read: Callable[[], list[Mention]]) -> list[Mention]:
    """The mentions of the `number`-th row of what has no lines; of a bad one none."""
    return log.attempt(number, b"", lambda _: read())


def parquet_rows(path: str, progress: Callable[[int], None]) -> Iterator[Mapping[str, Any]]:
    """The rows of a Parquet list, batch by batch; WebtextError without a column of addresses.

    `progress` is told of the bytes that each batch stands for.
    """
    size = files.size(path)
    with open_table(path, "Fetch it again, or write it anew") as table:
        names = table.schema_arrow.names
        small = [(name, name.lower()) for name in names]
        if not any(low in ("meta", "text", *ADDRESSES) for _, low in small):
            raise WebtextError(f"{path} has no column `url`", f"It has: {', '.join(names)}")
        read = ("meta", "text", *ADDRESSES, *SCORES, *DATES, *TABLE_COLUMNS)
        wanted = [name for name, low in small if low in read]
        for batch in table.iter_batches(batch_size=10_000, columns=wanted):
            yield from batch.to_pylist()
            progress(size * batch.num_rows // max(table.metadata.num_rows, 1))


_READERS: dict[Format, Callable[[str, Iterable[Block], ReadLog], Iterator[Mention]]] = {
    "archive": _of_archive,
    "cdx": _of_cdx,
    "array": _of_array,
    "json": _of_json,
    "delimited": _of_delimited,
}
