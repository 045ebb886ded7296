"""A stage without some pages: its files written anew beside it, then put in place.

Each stage says by `Stage.remove_pages` which of its files hold ids and how a row leaves them;
`webtext forget` has it done.

What is written anew lies in `_forget/` of the stage's folder; the new manifest is written
there last.  Only then do files move to their places, the manifest last of all.  So a stage
that was stopped is either as it was (without a manifest in `_forget/` that is thrown away)
or is finished by moving what is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import (
    Counts,
    FileEntry,
    Manifest,
    add_fingerprints,
    read_manifest,
    table_of,
    write_manifest,
)
from pipeline.store.parquet import batches, read_footer, read_table
from pipeline.store.parts import Part, PartWriter, finished_part, part_key
from pipeline.store.schemas import VOLATILE

ASIDE = "_forget"


@dataclass(frozen=True)
class Removal:
    """What left a stage: its counts, the rows of its tables, and what changes of `extra`."""

    lost: Counts
    rows: int
    #: Numbers to take off the manifest's `extra`.
    extra: Mapping[str, int] = field(default_factory=dict)


class StageEdit:
    """The files of a finished stage that change.

    `gone` are the ids of the pages that leave, `inputs` what the stage's inputs say by now;
    `given` tells how many pages the stage that it reads keeps by now.
    """

    def __init__(
        self,
        folder: str,
        manifest: Manifest,
        gone: frozenset[str],
        inputs: Mapping[str, str],
        given: Callable[[], int] = lambda: 0,
    ) -> None:
        self.folder, self.gone, self.given = folder, gone, given
        #: As it is on disk, but for its inputs, which are those of now.
        self.manifest = manifest.model_copy(update={"inputs": dict(inputs)})
        self._before = manifest
        self.ids = pa.array(sorted(gone), pa.string())
        self.target = files.join(folder, ASIDE)
        self._new: dict[str, FileEntry] = {}
        files.remove(self.target)

    def paths(self, prefix: str) -> list[str]:
        """The stage's tables whose names begin so."""
        return [files.join(self.folder, entry.name) for entry in self.manifest.tables(prefix)]

    def add(self, parts: Iterable[Part]) -> None:
        """Files that were written to `target`."""
        self._new |= {part.file.name: part.file for part in parts if part.file}

    def drop_rows(
        self, prefix: str, columns: list[str], *, by: str = "id", key: str | None = None
    ) -> pa.Table:
        """Writes the tables of `prefix` without rows whose `by` is gone.

        Returns some columns of those rows.  A table that has none is left alone, unless
        it is to get another `key` (of the work that made it).
        """
        removed = [pa.table({name: pa.array([], pa.string()) for name in columns})]

        def without(rows: pa.Table) -> pa.Table:
            gone = pc.is_in(rows[by], self.ids)
            removed.append(rows.filter(gone).select(columns))
            return rows.filter(pc.invert(gone))

        for path in self.paths(prefix):
            if self.touches(path, by) or (key is not None and part_key(path) != key):
                self.change(path, without, key)
        return pa.concat_tables([rows for rows in removed if len(rows)] or removed[:1])

    def touches(self, path: str, by: str = "id") -> bool:
        """Whether a table has a forgotten page in its column `by`."""
        return self.gone_rows(path, by) > 0

    def gone_rows(self, path: str, by: str = "id") -> int:
        """How many rows of a table have a forgotten page in their column `by`."""
        return int(pc.sum(pc.is_in(read_table(path, [by])[by], self.ids)).as_py() or 0)

    def change(
        self, path: str, make: Callable[[pa.Table], pa.Table], key: str | None = None
    ) -> None:
        """Writes a table anew with the rows that `make` gives for its rows, some at a time."""
        name, made_by = files.name_of(path), part_key(path) or ""
        before = finished_part(self.folder, name, made_by)
        if before is None or before.file is None:
            raise WebtextError(f"{path} is damaged", "Run `webtext verify`, and build it again")
        schema = read_footer(path).schema.to_arrow_schema()
        with PartWriter(
            self.target,
            name,
            schema.remove_metadata(),
            made_by if key is None else key,
            volatile=VOLATILE.get(table_of(name), frozenset()),
            fingerprinted=before.file.fingerprint is not None,
        ) as writer:
            writer.counts, writer.extra = before.counts, before.extra
            for batch in batches(path):
                writer.add(make(pa.Table.from_batches([batch])))
        self.add([writer.finish()])

    def finish(self, removal: Removal) -> bool:
        """Puts the new files and their manifest in place; returns whether anything changed."""
        if not self._new and self.manifest.inputs == self._before.inputs:
            files.remove(self.target)
            return False
        entries = [self._new.get(entry.name, entry) for entry in self.manifest.entries()]
        extra = Counter(self.manifest.extra)
        extra.subtract(removal.extra)
        manifest = self.manifest.model_copy(
            update={
                "counts": less(self.manifest.counts, removal.lost),
                "files": entries,
                "lists": [],
                "fingerprint": add_fingerprints(e.fingerprint for e in entries if e.fingerprint),
                "extra": dict(extra),
            }
        )
        write_manifest(self.target, manifest)
        put_in_place(self.folder)
        return True


def put_in_place(folder: str) -> None:
    """Moves what is ready in `_forget/` to its place; throws away what is not ready."""
    aside = files.join(folder, ASIDE)
    manifest = read_manifest(aside)
    if manifest is not None:
        for entry in manifest.entries():
            ready = files.join(aside, entry.name)
            if files.exists(ready):
                files.move(ready, files.join(folder, entry.name))
        write_manifest(folder, manifest)
    files.remove(aside)


def less(counts: Counts, lost: Counts) -> Counts:
    """Counts without some; a loss below zero is a gain, and reasons without a page go."""
    dropped = Counter(counts.dropped)
    dropped.subtract(lost.dropped)
    return Counts(
        seen=counts.seen - lost.seen,
        kept=counts.kept - lost.kept,
        dropped={reason: n for reason, n in sorted(dropped.items()) if n},
    )


def counted(outcomes: Iterable[str], kept: str = "ok") -> Counts:
    """How often each outcome occurs, as counts."""
    counts = Counts()
    for outcome, number in Counter(outcomes).items():
        if outcome == kept:
            counts.keep(number)
        else:
            counts.drop(outcome, number)
    return counts
