"""Part files: Parquet tables that are written whole, carry their own account, and can be resumed.

The footer of each part holds the key of the work that made it (a hash of settings,
code version and input), its counts and the fingerprint of its rows.  So a part
that is there with the right key needs no second making, and a killed stage goes
on where it stopped without any other state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import (
    WORK,
    Audit,
    Counts,
    FileEntry,
    Manifest,
    add_fingerprints,
    table_fingerprint,
)
from pipeline.store.parquet import read_footer, read_table

_ACCOUNT = b"webtext"
_ROW_GROUP = 10_000  # rows; a reader of text holds some 50 MB at a time


@dataclass(frozen=True)
class Part:
    """A finished file of a stage, with the share of the stage's counts that it stands for.

    Without a file it is a contribution to the counts alone.
    """

    file: FileEntry | None
    counts: Counts = field(default_factory=Counts)
    extra: dict[str, int] = field(default_factory=dict)
    audit: Audit = field(default_factory=dict)


def is_result(part: Part) -> bool:
    """True for a file that stays; the others are scratch."""
    return part.file is not None and not part.file.name.startswith(WORK)


def work_key(*parts: object) -> str:
    """The key of a piece of work: a hash of all that decides its result."""
    return hashlib.blake2b(orjson.dumps([str(p) for p in parts]), digest_size=16).hexdigest()


def unit_key(draft: Manifest, *unit: object) -> str:
    """The key of a unit of a stage's work: all that decides the stage, and what the unit is."""
    inputs = sorted(draft.inputs.items())
    return work_key(draft.settings_hash, draft.code_version, inputs, *unit)


def part_name(number: int, of: int, prefix: str = "part") -> str:
    """`part-00003-of-00008.parquet`."""
    return f"{prefix}-{number:05d}-of-{of:05d}.parquet"


class PartWriter:
    """Writes one Parquet table atomically; use as a context manager.

    `add` takes rows or tables as they come; `counts`, `extra` and `audit` may be filled
    until the block ends.  Afterwards `finish` gives the report.  `fingerprinted=False`
    leaves the file out of the stage's fingerprint.
    """

    def __init__(
        self,
        folder: str,
        name: str,
        schema: pa.Schema,
        key: str,
        *,
        volatile: frozenset[str] = frozenset(),
        fingerprinted: bool = True,
    ) -> None:
        self._folder, self._name, self._schema, self._key = folder, name, schema, key
        self._volatile, self._fingerprinted = volatile, fingerprinted
        self._rows: list[dict[str, Any]] = []
        self._count = 0
        self._fingerprint = add_fingerprints([])
        self.counts = Counts()
        self.extra: dict[str, int] = {}
        self.audit: Audit = {}
        self._part: Part | None = None

    def __enter__(self) -> PartWriter:
        self._path = files.join(self._folder, self._name)
        # The manifest, the last file of its folder, makes the names of all parts last.
        self._atomic = files.atomic(self._path, lasting=False)
        self._temporary = self._atomic.__enter__()
        try:
            # A fixed codec level and no wall-clock metadata: equal rows, equal bytes.
            self._writer = pq.ParquetWriter(
                self._temporary, self._schema, compression="zstd", compression_level=3
            )
        except BaseException as error:
            self._atomic.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def add(self, rows: Iterable[dict[str, Any]] | pa.Table) -> None:
        """Adds rows (dicts by column name) or a table of the schema."""
        if isinstance(rows, pa.Table):
            self._flush()
            self._write(rows)
            return
        for row in rows:
            self._rows.append(row)
            if len(self._rows) >= _ROW_GROUP:
                self._flush()

    def _flush(self) -> None:
        if self._rows:
            rows, self._rows = self._rows, []
            self._write(pa.Table.from_pylist(rows, schema=self._schema))

    def _write(self, table: pa.Table) -> None:
        self._writer.write_table(table.cast(self._schema), row_group_size=_ROW_GROUP)
        self._count += table.num_rows
        if self._fingerprinted:
            added = table_fingerprint(table, self._volatile)
            self._fingerprint = add_fingerprints([self._fingerprint, added])

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            try:
                self._flush()
                self._writer.add_key_value_metadata({_ACCOUNT.decode(): self._account()})
                self._writer.close()
            except BaseException as late:
                if not self._atomic.__exit__(type(late), late, late.__traceback__):
                    raise
        else:
            self._writer.close()
        self._atomic.__exit__(kind, error, trace)
        if kind is None:
            self._part = finished_part(self._folder, self._name, self._key)

    def finish(self) -> Part:
        """The report of the file, once the block has ended well.

        Raises WebtextError when it is not there: something else removed it.
        """
        if self._part is None:
            raise WebtextError(f"{self._path} vanished while it was written", "Build again")
        return self._part

    def _account(self) -> str:
        account = {
            "key": self._key,
            "counts": self.counts.model_dump(by_alias=True),
            "extra": dict(sorted(self.extra.items())),
            "fingerprint": self._fingerprint if self._fingerprinted else None,
            **({"audit": self.audit} if self.audit else {}),
        }
        return orjson.dumps(account, option=orjson.OPT_SORT_KEYS).decode()


def finished_part(folder: str, name: str, key: str) -> Part | None:
    """The part `name` when it is there, whole, and made by the work `key`; else None."""
    path = files.join(folder, name)
    rows, account = _read_account(path)
    if account.get("key") != key:
        return None
    entry = FileEntry(
        name=name,
        rows=rows,
        bytes=files.size(path),
        sha256=files.sha256(path),
        fingerprint=account["fingerprint"],
    )
    counts = Counts.model_validate(account["counts"])
    return Part(entry, counts, account["extra"], account.get("audit", {}))


def finished_parts(folder: str, names: Iterable[str], key: str) -> list[Part] | None:
    """The parts of some names, when all are there, whole, and made by the work `key`; else None."""
    done = [finished_part(folder, name, key) for name in names]
    return [part for part in done if part] if all(done) else None


def part_key(path: str) -> str | None:
    """The key of the work that made a part file; None where that cannot be told."""
    key = _read_account(path)[1].get("key")
    return key if isinstance(key, str) else None


def _read_account(path: str) -> tuple[int, dict[str, Any]]:
    """The rows of a part file and its account; an empty one where it is missing or damaged."""
    if not files.exists(path):
        return 0, {}
    try:
        footer = read_footer(path)
    except WebtextError:
        return 0, {}  # cut or damaged: it will be made again
    return footer.num_rows, orjson.loads((footer.metadata or {}).get(_ACCOUNT, b"{}"))


def batches_of(rows: Sequence[int], most: int) -> Iterator[slice]:
    """Runs of neighbouring parts with at most `most` rows together, or of one larger part."""
    start = together = 0
    for number, count in enumerate(rows):
        if number > start and together + count > most:
            yield slice(start, number)
            start, together = number, 0
        together += count
    if rows:
        yield slice(start, len(rows))


def text_bytes(path: str) -> int:
    """Bytes of the column `text` of a part, from its footer alone."""
    footer = read_footer(path)
    column = footer.schema.to_arrow_schema().get_field_index("text")
    groups = (footer.row_group(number) for number in range(footer.num_row_groups))
    return sum(group.column(column).total_uncompressed_size for group in groups)


def bucket_of(identity: str, buckets: int) -> int:
    """The bucket of a hex id: equal ranges of the hash space, so buckets are id-ordered."""
    return int(identity[:8], 16) * buckets >> 32


def id_range(number: int, of: int) -> tuple[str, str]:
    """The ids of bucket `number` of `of` (see `bucket_of`): those from the first below the second.

    Both are prefixes of 8 hex digits; the last range ends with "g", which is above all ids.
    """
    low, high = (-(-(n << 32) // of) for n in (number, number + 1))
    return f"{low:08x}", f"{high:08x}" if number + 1 < of else "g"


def read_ids(path: str, low: str, high: str, columns: list[str] | None = None) -> pa.Table:
    """Rows with low <= id < high of a Parquet file sorted by id; other row groups stay unread."""
    return read_table(path, columns, [("id", ">=", low), ("id", "<", high)])


def file_part(folder: str, name: str, *, rows: int = 0, fingerprint: str | None = None) -> Part:
    """The report of a finished file that is not a Parquet table (an archive, a shard)."""
    path = files.join(folder, name)
    entry = FileEntry(
        name=name,
        rows=rows,
        bytes=files.size(path),
        sha256=files.sha256(path),
        fingerprint=fingerprint,
    )
    return Part(entry)
