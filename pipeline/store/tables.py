"""Rows of tables that a user gives: Parquet, Arrow, CSV, TSV, JSON lines, a JSON array."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import IO, Any

import pyarrow as pa

from pipeline.store import files, parquet
from pipeline.store.errors import SettingError
from pipeline.store.packing import without_packing
from pipeline.store.textfiles import read_lines, read_text

Row = dict[str, Any]
_REMEDY = "Give JSON lines, CSV, TSV, Parquet or a text a line"
#: Characters of one field of a CSV; Python's own bound is 131,072, which long texts exceed.
_FIELD = min(sys.maxsize, 1 << 28)
_OTHER_FILE = "Give another file"
_FILE_MAGIC = b"ARROW1"
_ROWS = 1_000  # that are objects at a time

#: Suffixes of tables, a packing's left out.
SUFFIXES = frozenset({".parquet", ".arrow", ".csv", ".tsv", ".jsonl", ".ndjson", ".json"})


def suffix_of(path: str) -> str:
    """The suffix of a name in lower case, that of a packing left out: `.jsonl` of `a.jsonl.zst`."""
    return PurePosixPath(without_packing(path)).suffix.lower()


def read_rows(path: str, columns: Sequence[str] | None = None) -> Iterator[Row]:
    """The rows of a file, one by one, by the suffix of its name; all but two kinds may be packed.

    `.parquet` and `.arrow`, of which only `columns` are read where they are given; `.csv`;
    `.tsv`, whose fields are not quoted; `.json`, an array of objects or one object; all else is
    JSON lines.  Memory is flat but for `.json`.  Raises SettingError, with the row, for what
    cannot be read.
    """
    suffix = suffix_of(path)
    if suffix in (".parquet", ".arrow"):
        yield from _of_columns(path, suffix, columns)
    elif suffix in (".csv", ".tsv"):
        yield from _separated(path, suffix)
    elif suffix == ".json":
        yield from _whole(path)
    else:
        yield from _json_lines(path)


def column_names(path: str) -> list[str] | None:
    """The columns of a file that names them at its head; None for JSON.

    Raises SettingError or WebtextError for a file that has no such head, or cannot be read.
    """
    suffix = suffix_of(path)
    if suffix == ".parquet":
        with parquet.open_table(path, _OTHER_FILE) as stored:
            return list(stored.schema_arrow.names)
    if suffix == ".arrow":
        with files.open_read(path) as stream:
            return list(_arrow_reader(stream, path).schema.names)
    if suffix in (".csv", ".tsv"):
        try:
            names = _reader(path, suffix).fieldnames
        except UnicodeDecodeError:
            raise _not_utf8(path, 1) from None
        if not names:
            raise SettingError(f"{path} is empty: it names no columns", _OTHER_FILE)
        return list(names)
    return None


def _of_columns(path: str, suffix: str, columns: Sequence[str] | None) -> Iterator[Row]:
    if suffix == ".parquet":
        for batch in parquet.batches(path, columns, _ROWS, remedy=_OTHER_FILE):
            yield from batch.to_pylist()
        return
    with files.open_read(path) as stream:
        try:
            for batch in _arrow_batches(stream, path):
                chosen = batch if columns is None else batch.select(list(columns))
                for start in range(0, chosen.num_rows, _ROWS):
                    yield from chosen.slice(start, _ROWS).to_pylist()
        except pa.ArrowInvalid as error:
            raise SettingError(f"{path} is cut or damaged: {error}", "Save it again") from None


def _arrow_batches(stream: IO[bytes], path: str) -> Iterator[pa.RecordBatch]:
    reader = _arrow_reader(stream, path)
    if isinstance(reader, pa.RecordBatchFileReader):
        yield from (reader.get_batch(number) for number in range(reader.num_record_batches))
    else:
        yield from reader


def _arrow_reader(
    stream: IO[bytes], path: str
) -> pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
    """A stream, as `datasets` saves it, or a file of Arrow (Feather), told by its first bytes."""
    is_file = stream.read(len(_FILE_MAGIC)) == _FILE_MAGIC
    stream.seek(0)
    try:
        return pa.ipc.open_file(stream) if is_file else pa.ipc.open_stream(stream)
    except pa.ArrowInvalid as error:
        raise SettingError(f"{path} is no table of Arrow: {error}", "Save it again") from None


def _reader(path: str, suffix: str) -> csv.DictReader[str]:
    csv.field_size_limit(_FIELD)
    lines = (f"{line}\n" for line in read_lines(path, "strict"))
    dialect: dict[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE}
    return csv.DictReader(lines, **(dialect if suffix == ".tsv" else {}), strict=True)


def _separated(path: str, suffix: str) -> Iterator[Row]:
    reader = _reader(path, suffix)
    try:
        for number, row in enumerate(reader, 1):
            if None in row or None in row.values():
                raise SettingError(
                    f"{path}, row {number} has not the columns of the header", "Correct the row"
                )
            yield row
    except csv.Error as error:
        raise SettingError(f"{path}, line {reader.line_num}: {error}", _REMEDY) from None
    except UnicodeDecodeError:
        raise _not_utf8(path, reader.line_num + 1) from None


def _not_utf8(path: str, line: int) -> SettingError:
    return SettingError(f"{path}, line {line} is not in UTF-8", "Save the file in UTF-8")


def _json_lines(path: str) -> Iterator[Row]:
    for number, line in enumerate(read_lines(path), 1):
        if line.strip():
            where = f"{path}, line {number}"
            yield _object(_parsed(line, where), where)


def _whole(path: str) -> Iterator[Row]:
    """An array of rows, or one row; files of JSON lines have this suffix too."""
    try:
        value = json.loads(read_text(path))
    except (ValueError, RecursionError):
        yield from _json_lines(path)
        return
    for number, row in enumerate(value if isinstance(value, list) else [value], 1):
        yield _object(row, f"{path}, row {number}")


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingError(f"{where} is no JSON: {error}", _REMEDY) from None


def _object(row: Any, where: str) -> Row:
    if not isinstance(row, dict):
        raise SettingError(f"{where} is no object", "Give one JSON object a line")
    return row
