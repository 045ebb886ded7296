"""A whole month: the made-up January 2024 dump over 3,880 real pages, on two workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
from support import Run

from pipeline.corpus import Corpus, read_manifest
from pipeline.links.urls import canonical_key
from pipeline.quickstart import replay_server

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


@pytest.mark.system
@pytest.mark.timeout(1500)
def test_january_from_dump_to_shards(
    shared_data: Path, january_server: str, tmp_path: Path, webtext: Run
) -> None:
    reddit = shared_data / "reddit"
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
        f"--set=corpus.root={tmp_path}",
        f"--set=pages.via={january_server}",
        f"--set={sources}",
        "--set=tokens.vocab_size=16384",
        "--workers=2",
    )
    ended.set()
    thread.join()
    assert done.returncode == 0, done.stdout
    print(f"{time.monotonic() - started:.0f} s, {peak[0] >> 20} MiB\n{done.stdout}")
    assert peak[0] < MEMORY, f"{peak[0] >> 20} MiB"

    truth = {}
    for line in (reddit / "2024-01_docs.truth.tsv").read_text().splitlines():
        url, karma = line.split("\t")
        if int(karma) >= 3:
            truth[canonical_key(url)] = int(karma)
    assert len(truth) == 2472
    rows = [
        row
        for path in Corpus(str(tmp_path)).paths("links", "2024-01")
        for row in pq.read_table(path, columns=["key", "karma"]).to_pylist()
    ]
    assert {row["key"]: row["karma"] for row in rows} == truth
    pages = read_manifest(str(tmp_path / "pages" / "2024-01"))
    assert pages is not None and pages.counts.kept == 2472
    tokens = read_manifest(str(tmp_path / "tokens" / "gpt2" / "2024-01"))
    assert tokens is not None and tokens.counts.kept > 1000
    assert webtext("verify", str(tmp_path)).returncode == 0
