"""Texts that are read again, by the rows of their documents part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.dedup.bands import Numbers
from pipeline.dedup.batch import read
from pipeline.store.errors import WebtextError
from pipeline.store.parquet import open_table


def rows_at(
    documents: str, signatures: str, rows: Numbers, columns: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """The id and some columns of some rows of a documents part, by row groups that hold any.

    Raises WebtextError when the part is not the one that was signed.
    """
    if not len(rows):
        return
    signed = read([signatures], ["id"])["id"]
    with open_table(documents) as reader:
        start = 0
        for group in range(reader.num_row_groups):
            stop = start + reader.metadata.row_group(group).num_rows
            wanted = rows[(rows >= start) & (rows < stop)]
            if len(wanted):
                found = reader.read_row_group(group, columns=["id", *columns]).take(wanted - start)
                if found["id"].to_pylist() != signed.take(wanted).to_pylist():
                    raise WebtextError(
                        f"{documents} holds other documents than when they were signed",
                        "Build the stages documents and dedup of that interval again",
                    )
                yield from found.to_pylist()
            start = stop
