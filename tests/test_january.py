"""A whole month: the made-up January 2024 dump over 3,880 real pages, on two workers."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dedup.intervals import Dedups
from support import Run

from pipeline.corpus import Corpus, read_manifest, table_fingerprint
from pipeline.links.urls import canonical_key
from pipeline.quickstart import replay_server

INTERVAL = "2024-01"
MEMORY = 3 << 30  # bytes of all processes together


@pytest.fixture(scope="module")
def january_server(shared_data: Path) -> Iterator[str]:
    with replay_server(shared_data / "pages" / "docs.warc.gz") as address:
        yield address


def tree_memory() -> int:
    """Bytes of unique memory of all processes below this one."""
    total = 0
    for child in psutil.Process().children(recursive=True):
        try:
            total += child.memory_full_info().uss
        except psutil.Error:
            continue
    return total


@dataclass(frozen=True)
class January:
    """The built month and the greatest memory of all processes together."""

    root: Path
    peak: int


@pytest.fixture(scope="module")
def january(
    shared_data: Path, january_server: str, tmp_path_factory: pytest.TempPathFactory, webtext: Run
) -> January:
    """The build of the whole month, once for all tests here."""
    root, reddit = tmp_path_factory.mktemp("january"), shared_data / "reddit"
    sources = (
        f'links.sources=[{{kind="reddit-dump", posts="{reddit}/RS_2024-01_docs.zst", '
        f'comments="{reddit}/RC_2024-01_docs.zst"}}]'
    )
    peak, ended = [0], threading.Event()

    def measure() -> None:
        while not ended.wait(1):
            peak[0] = max(peak[0], tree_memory())

    thread = threading.Thread(target=measure)
    thread.start()
    started = time.monotonic()
    done = webtext(
        "build",
        "quickstart",
        f"--set=corpus.root={root}",
        f"--set=pages.via={january_server}",
        f"--set={sources}",
        "--set=tokens.vocab_size=16384",
        "--workers=2",
    )
    ended.set()
    thread.join()
    assert done.returncode == 0, done.stdout
    print(f"{time.monotonic() - started:.0f} s, {peak[0] >> 20} MiB\n{done.stdout}")
    return January(root, peak[0])


@pytest.mark.system
@pytest.mark.timeout(1500)
def test_january_from_dump_to_shards(shared_data: Path, january: January, webtext: Run) -> None:
    assert january.peak < MEMORY, f"{january.peak >> 20} MiB"
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


@pytest.mark.system
@pytest.mark.timeout(1500)
def test_its_documents_in_four_shuffled_intervals_lose_the_same_as_at_once(
    january: January, tmp_path: Path
) -> None:
    corpus = Corpus(str(january.root))
    tables = {
        stage: [row for p in corpus.paths(stage, INTERVAL) for row in pq.read_table(p).to_pylist()]
        for stage in ("documents", "links")
    }
    karma = {row["id"]: row["karma"] for row in tables["links"]}
    rows = [{**row, "karma": karma[row["id"]]} for row in tables["documents"]]
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
