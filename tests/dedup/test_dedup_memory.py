"""What a unit of dedup holds does not grow with the documents, and runs and slices decide alike."""

from __future__ import annotations

import tracemalloc
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.dedup import compare, order, places, search, sort, write
from pipeline.dedup.batch import Batch, Source, band_column, signature_schema
from pipeline.dedup.settings import DedupSettings
from pipeline.dedup.steps import steps_of
from pipeline.store.addresses import page_id
from pipeline.store.parts import Part

_FILE = 250  # documents of a part
#: Recall at the threshold is 0.96.
SETTINGS = DedupSettings(verify="signature", bands=8)


def signed(folder: Path, count: int) -> Batch:
    """A batch whose signatures are there: every fifth document is nearly the one before it."""
    rng, numbers = np.random.default_rng(1), range(count // _FILE)
    verdicts = tuple(f"{folder}/verdicts-{number}.parquet" for number in numbers)
    parts = tuple(f"part-{number}" for number in numbers)
    source = Source("all", parts, verdicts, ("",) * len(parts), "all")
    batch = Batch(f"{folder}/dedup", "1", "key", SETTINGS, (), (source,))
    Path(batch.folder).mkdir(parents=True)
    schema, width = signature_schema(SETTINGS), 4 * SETTINGS.rows
    for number, path in enumerate(batch.signatures()):
        hashes = rng.integers(0, 1 << 32, (_FILE, SETTINGS.hashes), np.uint32)
        copies = np.arange(4, _FILE, 5)
        agree = rng.random((len(copies), SETTINGS.hashes)) < 0.9
        hashes[copies] = np.where(agree, hashes[copies - 1], hashes[copies])
        ids = [page_id(str(number * _FILE + row)) for row in range(_FILE)]
        columns = {
            "id": ids,
            "exact": [bytes.fromhex(identity) for identity in ids],
            "shingles": [500] * _FILE,
            "chars": [4500] * _FILE,
            "date": [""] * _FILE,
        }
        for band in range(SETTINGS.bands):
            of_band = np.ascontiguousarray(hashes[:, band * 5 : band * 5 + 5])
            columns[band_column(band)] = [row.tobytes() for row in of_band]
            assert len(columns[band_column(band)][0]) == width
        pq.write_table(pa.table(columns, schema=schema), path, row_group_size=100)
        nothing = {"karma": pa.nulls(_FILE, pa.int64()), "reason": [""] * _FILE}
        pq.write_table(pa.table({"id": ids, **nothing}), verdicts[number])
    return batch


def decided(batch: Batch) -> tuple[pa.Table, dict[str, int]]:
    """The duplicate table, and the most bytes that a unit of each step held."""
    parts: list[Part] = []
    most: dict[str, int] = defaultdict(int)
    tracemalloc.start()
    for step in steps_of(batch):
        # Signatures are there; they are sorted still.
        make = sort.sort_part if step.name == "Sign" else step.make
        for unit in list(step.plan(parts)):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            parts += make(unit)
            most[step.name] = max(most[step.name], tracemalloc.get_traced_memory()[1] - before)
    tracemalloc.stop()
    tables = [pq.read_table(path) for path in sorted(Path(batch.folder).glob("part-*"))]
    return pa.concat_tables(tables).sort_by("id"), most


def register(folder: Path) -> pa.Table:
    """The keep order of a batch."""
    paths = sorted(Path(folder, "dedup").glob("_register-*"))
    return pa.concat_tables(map(pq.read_table, paths))


def test_runs_and_slices_decide_alike_and_bound_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = decided(signed(tmp_path / "whole", 6000))
    assert len(whole) > 1000
    monkeypatch.setattr(places, "RUN_ROWS", 1000)
    monkeypatch.setattr(search, "_SLICE_ROWS", 1000)
    monkeypatch.setattr(compare, "_RANGE_PAIRS", 1500)
    monkeypatch.setattr(sort, "LEAST_GROUP", 20)
    monkeypatch.setattr(order, "RANGE_ROWS", 1000)
    monkeypatch.setattr(write, "WRITE_ROWS", 1000)
    cut, large = decided(signed(tmp_path / "cut", 6000))
    assert cut.equals(whole)
    for table in ("_work/places-*", "_work/order-*", "_work/firsts-*", "_register-*"):
        assert len(list(Path(tmp_path, "cut/dedup").glob(table))) == 6, table
    assert register(tmp_path / "cut").equals(register(tmp_path / "whole"))
    _, small = decided(signed(tmp_path / "small", 2000))
    for step in ("Order", "Firsts", "Keys", "Search", "Carry", "Compare", "Slices"):
        # What holds all documents takes three times as much; Pythons differ by some kilobytes.
        assert large[step] < 1.5 * small[step], step
