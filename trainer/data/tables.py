"""Rows of files that a user gives for evaluation and fine-tuning: tables, and a text a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.store import tables
from pipeline.store.errors import SettingError
from pipeline.store.tables import Row
from pipeline.store.textfiles import read_lines


def read_rows(path: str, text: str = "text") -> Iterator[Row]:
    """The rows of a file, one by one, by the suffix of its name; all but Parquet may be packed.

    A table (`pipeline.store.tables`); `.txt`, whose lines are the column `text`; or `.json` in
    SQuAD's own layout (Rajpurkar et al. 2016), whose questions are the rows.  Raises SettingError,
    with the row, for what cannot be read.
    """
    suffix = tables.suffix_of(path)
    if suffix == ".txt":
        yield from ({text: line.rstrip("\r")} for line in read_lines(path))
        return
    for row in tables.read_rows(path):
        if suffix == ".json" and isinstance(row.get("data"), list):
            yield from _squad(row["data"], path)
        else:
            yield row


def _squad(articles: list[Any], path: str) -> Iterator[Row]:
    try:
        for article in articles:
            for paragraph in article["paragraphs"]:
                for item in paragraph["qas"]:
                    yield {**item, "context": paragraph["context"]}
    except (KeyError, TypeError) as error:
        raise SettingError(
            f"{path} is not in SQuAD's layout ({error!r})",
            "Give JSON lines, CSV, TSV, Parquet or a text a line",
        ) from None
