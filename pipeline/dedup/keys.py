"""After the keep order: the band keys of all documents in sorted runs, of which each slice of a
band takes its range.

A run holds some neighbouring signature files (`places.py`), band by band, sorted by key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.dedup.bands import Numbers, band_keys
from pipeline.dedup.batch import Batch, band_column, column, fixed_bytes, names_of, read
from pipeline.dedup.minhash import Hashes64
from pipeline.dedup.places import RunPlaces, SignatureRun, runs_of, write_places
from pipeline.dedup.sketches import empty_sketches, write_sketches
from pipeline.store import files
from pipeline.store.parts import Part, PartWriter, finished_parts, part_name, work_key

#: Without exact copies; `kept`: not removed in an earlier interval.
KEYS = pa.schema(
    [("band", pa.int64()), ("key", pa.uint64()), ("number", pa.int64()), ("kept", pa.bool_())]
)


@dataclass(frozen=True)
class KeysUnit:
    """One run of signature files, with the names of the tables that give its rows numbers."""

    batch: Batch
    run: SignatureRun
    firsts: tuple[str, ...]
    past: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its scratch file."""
        return part_name(self.run.number, self.run.of, "keys")

    @property
    def sketches(self) -> str:
        """The scratch file of its sketches."""
        return part_name(self.run.number, self.run.of, "sketches")


def keys_units(before: Sequence[Part], batch: Batch) -> list[KeysUnit]:
    """One unit a run."""
    firsts, past = (tuple(names_of(before, table)) for table in ("firsts-", "past-places-"))
    return [KeysUnit(batch, run, firsts, past) for run in runs_of(batch)]


def write_keys(unit: KeysUnit) -> list[Part]:
    """Writes the run's numbers, and of its documents without copies of earlier ones the keys and
    the sketches."""
    batch = unit.batch
    numbered = write_places(batch, unit.run, unit.firsts, unit.past)
    key = work_key(batch.key, unit.name)
    done = finished_parts(batch.work, (unit.name, unit.sketches), key)
    if done is not None:
        return [numbered, *done]
    places = RunPlaces(batch, unit.run)
    rows = np.flatnonzero(places.unique)
    numbers, kept = places.number[rows], places.kept[rows]
    height = batch.settings.rows
    sketches = empty_sketches(batch, len(rows))
    with PartWriter(batch.work, unit.name, KEYS, key, fingerprinted=False) as writer:
        for band in range(batch.settings.bands):
            name = band_column(band)
            stored = fixed_bytes(read(places.signatures, [name])[name], 4 * height)
            hashes = stored[rows].view("<u4")
            sketches[:, band * height : (band + 1) * height] = hashes
            keys = band_keys(hashes)
            order = np.argsort(keys, kind="stable")
            columns = [np.full(len(rows), band), keys[order], numbers[order], kept[order]]
            writer.add(pa.table(columns, schema=KEYS))
    shingles = column(read(places.signatures, ["shingles"]), "shingles")[rows]
    sketched = write_sketches(batch, unit.sketches, key, (numbers, shingles, sketches))
    return [numbered, writer.finish(), sketched]


def keys_between(
    batch: Batch, names: Sequence[str], band: int, bounds: tuple[int, int]
) -> tuple[Hashes64, Numbers, Numbers]:
    """Keys and numbers of the documents of a band whose key is within the bounds.

    `names` are the runs' files.  The third are the numbers that were removed in an earlier
    interval, sorted.
    """
    least, most = (pa.scalar(bound, pa.uint64()) for bound in bounds)
    window = [("band", "=", band), ("key", ">=", least), ("key", "<=", most)]
    paths = [files.join(batch.work, name) for name in names]
    table = read(paths, ["key", "number", "kept"], window)
    numbers, keys = column(table, "number"), table["key"].to_numpy()
    return keys, numbers, np.sort(numbers[~column(table, "kept")])
