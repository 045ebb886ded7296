"""A whole month: the made-up January 2024 dump over 3,880 real pages, on two workers."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dedup.intervals import Dedups
from january import INTERVAL, January
from support import Run

from pipeline.store.addresses import canonical_key
from pipeline.store.corpus import Corpus
from pipeline.store.manifest import read_manifest, table_fingerprint

pytestmark = pytest.mark.system
MEMORY = 3 << 30  # bytes of all processes together


def test_january_from_dump_to_shards(shared_data: Path, january: January, webtext: Run) -> None:
    assert january.peak() < MEMORY, f"{january.peak() >> 20} MiB"
    truth = {}
    for line in (shared_data / "reddit/2024-01_docs.truth.tsv").read_text().splitlines():
        url, karma = line.split("\t")
        if int(karma) >= 3:
            truth[canonical_key(url)] = int(karma)
    assert len(truth) == 2472
    rows = [
        row
        for path in Corpus(str(january.root)).paths("links", INTERVAL)
        for row in pq.read_table(path, columns=["key", "karma"]).to_pylist()
    ]
    assert {row["key"]: row["karma"] for row in rows} == truth
    pages = read_manifest(str(january.root / "pages" / INTERVAL))
    assert pages is not None and pages.counts.kept == 2472
    tokens = read_manifest(str(january.root / "tokens" / "gpt2" / INTERVAL))
    assert tokens is not None and tokens.counts.kept > 1000
    assert webtext("verify", str(january.root)).returncode == 0


def test_its_documents_in_four_shuffled_intervals_lose_the_same_as_at_once(
    january: January, tmp_path: Path
) -> None:
    corpus = Corpus(str(january.root))
    tables = {
        stage: [row for p in corpus.paths(stage, INTERVAL) for row in pq.read_table(p).to_pylist()]
        for stage in ("documents", "links")
    }
    karma = {row["id"]: row["karma"] for row in tables["links"]}
    passed = {"stage": "", "reason": ""}
    rows = [{**row, "karma": karma[row["id"]], **passed} for row in tables["documents"]]
    random.Random(6).shuffle(rows)
    dedups = Dedups(tmp_path / "split")
    intervals = [f"2024-{month:02d}" for month in range(1, 5)]
    for number, interval in enumerate(intervals):
        dedups.write(interval, rows[number::4], parts=number + 1)
    stepwise = [dedups.run(interval) for interval in intervals]
    at_once = dedups.at_once(intervals, tmp_path / "at-once")
    assert at_once.num_rows > 10
    assert sum(manifest.counts.seen for manifest in stepwise) == len(rows) > 2000
    removed = [pq.read_table(p) for i in intervals for p in dedups.corpus.paths("dedup", i)]
    assert table_fingerprint(pa.concat_tables(removed)) == table_fingerprint(at_once)
