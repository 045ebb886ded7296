"""Rows of files that a user gives: JSON lines, CSV, TSV, Parquet, or a text a line."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from pipeline.store import parquet
from pipeline.store.errors import SettingError
from pipeline.store.packing import without_packing
from pipeline.store.textfiles import read_lines, read_text

Row = dict[str, Any]
_REMEDY = "Give JSON lines, CSV, TSV, Parquet or a text a line"
#: Characters of one field of a CSV; Python's own bound is 131,072, which long pages exceed.
_FIELD = min(sys.maxsize, 1 << 28)


def read_rows(path: str, text: str = "text") -> Iterator[Row]:
    """The rows of a file, one by one, by the suffix of its name; all but Parquet may be packed.

    `.parquet`; `.csv`; `.tsv`, whose fields are not quoted; `.txt`, whose lines are the column
    `text`; `.json`, a list of objects or SQuAD's own layout; all else is JSON lines.
    Raises SettingError, with the row, for what cannot be read.
    """
    suffix = PurePosixPath(without_packing(path)).suffix.lower()
    if suffix == ".parquet":
        for batch in parquet.batches(path, size=1000, remedy="Give another file"):
            yield from batch.to_pylist()
    elif suffix in (".csv", ".tsv"):
        yield from _separated(path, suffix)
    elif suffix == ".txt":
        yield from ({text: line.rstrip("\r")} for line in read_lines(path))
    elif suffix == ".json":
        yield from _whole(path)
    else:
        yield from _json_lines(path)


def _separated(path: str, suffix: str) -> Iterator[Row]:
    csv.field_size_limit(_FIELD)
    lines = (f"{line}\n" for line in read_lines(path))
    dialect: dict[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE}
    reader = csv.DictReader(lines, **(dialect if suffix == ".tsv" else {}), strict=True)
    try:
        for number, row in enumerate(reader, 1):
            if None in row or None in row.values():
                raise SettingError(
                    f"{path}, row {number} has not the columns of the header", "Correct the row"
                )
            yield row
    except csv.Error as error:
        raise SettingError(f"{path}, line {reader.line_num}: {error}", _REMEDY) from None


def _json_lines(path: str) -> Iterator[Row]:
    for number, line in enumerate(read_lines(path), 1):
        if line.strip():
            where = f"{path}, line {number}"
            yield _object(_parsed(line, where), where)


def _whole(path: str) -> Iterator[Row]:
    """A list of rows, or the questions of SQuAD's layout (Rajpurkar et al. 2016), each a row.

    Files of JSON lines have this suffix too.
    """
    try:
        value = json.loads(read_text(path))
    except (ValueError, RecursionError):
        yield from _json_lines(path)
        return
    if isinstance(value, dict) and "data" in value:
        yield from _squad(value["data"], path)
        return
    for number, row in enumerate(value if isinstance(value, list) else [value], 1):
        yield _object(row, f"{path}, row {number}")


def _squad(articles: Any, path: str) -> Iterator[Row]:
    try:
        for article in articles:
            for paragraph in article["paragraphs"]:
                for item in paragraph["qas"]:
                    yield {**item, "context": paragraph["context"]}
    except (KeyError, TypeError) as error:
        raise SettingError(f"{path} is not in SQuAD's layout ({error!r})", _REMEDY) from None


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingError(f"{where} is no JSON: {error}", _REMEDY) from None


def _object(row: Any, where: str) -> Row:
    if not isinstance(row, dict):
        raise SettingError(f"{where} is no object", "Give one JSON object a line")
    return row
