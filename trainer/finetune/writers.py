"""Predictions as JSON lines, CSV or Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.store.errors import SettingError
from pipeline.store.tables import Row


class JsonLines:
    """Objects, one a line."""

    def __init__(self, path: Path) -> None:
        self.stream = path.open("w", encoding="utf-8", newline="")

    def write(self, rows: Sequence[Row]) -> None:
        """Some rows."""
        self.stream.writelines(
            json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows
        )

    def close(self) -> None:
        """What is written is whole then."""
        self.stream.close()


class Csv(JsonLines):
    """Headed by the columns; lists and objects are written as JSON."""

    def write(self, rows: Sequence[Row]) -> None:
        """Some rows, all with the columns of the first."""
        table = csv.writer(self.stream, lineterminator="\n")
        if self.stream.tell() == 0:
            table.writerow(rows[0])
        for row in rows:
            table.writerow(
                [
                    json.dumps(v, ensure_ascii=False) if isinstance(v, dict | list) else v
                    for v in row.values()
                ]
            )


class Table:
    """Parquet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer: pq.ParquetWriter | None = None

    def write(self, rows: Sequence[Row]) -> None:
        """Types are those of the first rows."""
        schema = None if self.writer is None else self.writer.schema
        try:
            table = pa.Table.from_pylist(list(rows), schema)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise SettingError(
                f"The columns of --keep have not the same type in all rows: {error}",
                "Write JSON lines",
            ) from None
        self.writer = self.writer or pq.ParquetWriter(self.path, table.schema, compression="zstd")
        self.writer.write_table(table)

    def close(self) -> None:
        """Writes the end of the file."""
        if self.writer is not None:
            self.writer.close()


_WRITERS: dict[str, type[JsonLines] | type[Table]] = {".csv": Csv, ".parquet": Table}


def open_writer(path: Path, suffix: str) -> JsonLines | Table:
    """A writer of `path` in the form that a suffix names; JSON lines for any other."""
    return _WRITERS.get(suffix.lower(), JsonLines)(path)
