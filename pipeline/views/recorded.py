"""Whether a file is as its manifest says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import FileEntry, add_fingerprints, table_fingerprint, table_of
from pipeline.store.parquet import open_table
from pipeline.store.schemas import VOLATILE

#: Seconds of one process for a byte: of a table, whose rows are hashed, and of another file.
_TABLE_SECONDS, _FILE_SECONDS = 36e-9, 1e-9


@dataclass(frozen=True)
class Recorded:
    """A file, what its manifest says of it, and what helps where that is not so."""

    path: str
    entry: FileEntry
    remedy: str

    def check(self) -> None:
        """Raises WebtextError where bytes, hash, rows or fingerprint are others."""
        path, entry, remedy = self.path, self.entry, self.remedy
        if not files.exists(path):
            raise WebtextError(f"{path} is missing", remedy)
        if files.size(path) != entry.bytes:
            raise WebtextError(
                f"{path} has {files.size(path):,} bytes, not {entry.bytes:,}", remedy
            )
        if files.sha256(path) != entry.sha256:
            raise WebtextError(f"{path} was changed: its sha256 is not the recorded one", remedy)
        if not path.endswith(".parquet"):
            return
        with open_table(path, remedy) as table:
            if table.metadata.num_rows != entry.rows:
                raise WebtextError(f"{path} has not the recorded {entry.rows:,} rows", remedy)
            if entry.fingerprint is None:
                return
            volatile = VOLATILE.get(table_of(entry.name), frozenset())
            sums = (
                table_fingerprint(pa.Table.from_batches([batch]), volatile)
                for batch in table.iter_batches(4096)
            )
            if add_fingerprints(sums) != entry.fingerprint:
                raise WebtextError(f"{path}: its rows do not give the recorded fingerprint", remedy)


def seconds_of(entries: Iterable[FileEntry]) -> float:
    """What one process takes to check some files, roughly."""
    return sum(
        entry.bytes * (_TABLE_SECONDS if entry.name.endswith(".parquet") else _FILE_SECONDS)
        for entry in entries
    )
