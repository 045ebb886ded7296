"""Parts of tables that are read without the rest: rows by their place, or by a sorted column.

Both look at the row groups, and read those alone that hold a wanted row.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.store.parquet import open_table


def row_groups(
    path: str, columns: Sequence[str], wanted: npt.NDArray[np.bool_]
) -> Iterator[tuple[int, pa.Table]]:
    """The row groups that hold a wanted row, each with its first row."""
    if not wanted.any():
        return
    with open_table(path) as stored:
        first = 0
        for group in range(stored.num_row_groups):
            rows = stored.metadata.row_group(group).num_rows
            if wanted[first : first + rows].any():
                yield first, stored.read_row_group(group, columns=[*columns])
            first += rows


def sorted_window(
    path: str, columns: Sequence[str], low: Any = None, high: Any = None
) -> tuple[int, pa.Table]:
    """Rows with low <= value < high of a table that is sorted by the first of `columns`.

    None is no bound.  Also returns how many rows are below `low`.
    """
    with open_table(path) as stored:
        schema = pa.schema([stored.schema_arrow.field(name) for name in columns])
        below, found = 0, [schema.empty_table()]
        for lower, rows in _windows_of(stored, columns, low, high):
            below += lower
            found.append(rows)
    return below, pa.concat_tables(found)


def row_windows(
    path: str, columns: Sequence[str], low: Any = None, high: Any = None
) -> Iterator[pa.Table]:
    """The same rows, row group by row group."""
    with open_table(path) as stored:
        for _, rows in _windows_of(stored, columns, low, high):
            yield rows


def _windows_of(
    stored: Any, columns: Sequence[str], low: Any, high: Any
) -> Iterator[tuple[int, pa.Table]]:
    """Of each row group up to `high`, how many rows are below `low`, and those within."""
    by = stored.schema_arrow.get_field_index(columns[0])
    nothing = stored.schema_arrow.empty_table().select([*columns])
    for number in range(stored.num_row_groups):
        group = stored.metadata.row_group(number)
        bounds = group.column(by).statistics
        if high is not None and bounds.min >= high:
            break
        if low is not None and bounds.max < low:
            yield group.num_rows, nothing
            continue
        rows = stored.read_row_group(number, columns=[*columns]).select([*columns])
        starts_here = low is not None and bounds.min < low
        ends_here = high is not None and bounds.max >= high
        values = rows.column(0).to_pylist() if starts_here or ends_here else ()
        start = bisect_left(values, low) if starts_here else 0
        stop = bisect_left(values, high) if ends_here else len(rows)
        yield start, rows.slice(start, stop - start)


def windows(paths: Sequence[str], schema: pa.Schema, low: Any = None, high: Any = None) -> pa.Table:
    """The windows of several tables, one after the other, with the columns of `schema`."""
    found = (sorted_window(path, schema.names, low, high)[1] for path in paths)
    return pa.concat_tables([schema.empty_table(), *found])


def quantiles(paths: Sequence[str], column: str, count: int) -> list[Any]:
    """About every `count`-th value of tables that are sorted by a column, without the least.

    Each row group stands by its least value, so one lies at most a group of each table aside.
    """
    groups: list[tuple[Any, int]] = []
    for path in paths:
        with open_table(path) as stored:
            by = stored.schema_arrow.get_field_index(column)
            for number in range(stored.num_row_groups):
                group = stored.metadata.row_group(number)
                groups.append((group.column(by).statistics.min, group.num_rows))
    cuts, passed = [], 0
    for least, rows in sorted(groups):
        if passed >= count:
            cuts.append(least)
            passed = 0
        passed += rows
    return cuts
