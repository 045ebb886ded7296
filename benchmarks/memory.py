"""The memory of a build of many times the documents, under a limit for each worker.

    python benchmarks/memory.py ROOT [--times 10] [--limit 1500] [--workers 2]

ROOT is a corpus that is built up to its documents.  Each document is written so many times
into a corpus in a temporary folder, each time with every fourth word taken from another place
of the same text: no copy is a near-duplicate of another.  Then everything from dedup to
shards is built on dask, and the memory of each process is looked at four times a second.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from pipeline.build import build
from pipeline.config import read_recipe
from pipeline.corpus import MANIFEST, SCHEMAS, Corpus, Counts, Manifest, page_id
from pipeline.parts import Part, PartWriter, part_name
from pipeline.sink import complete

ROWS = 2_000  # of a part
Row = dict[str, Any]


def copies(corpus: Corpus, interval: str, times: int) -> Iterator[Row]:
    """All documents, so many times, under addresses of their own."""
    for copy in range(times):
        for path in corpus.paths("documents", interval):
            for row in pq.read_table(path).to_pylist():
                words = row["text"].split(" ")
                chance = random.Random(f"{row['id']}/{copy}")
                if copy:
                    words[::4] = [chance.choice(words) for _ in words[::4]]
                url = f"{row['url']}#{copy}"
                yield {**row, "url": url, "id": page_id(url), "text": " ".join(words)}


def write(corpus: Corpus, stage: str, interval: str, rows: list[Row]) -> None:
    """A stage as if it had been built."""
    folder, parts = corpus.folder(stage, interval), -(-len(rows) // ROWS)
    written: list[Part] = []
    for number in range(parts):
        ours = sorted(rows[number::parts], key=lambda row: row["id"])
        with PartWriter(folder, part_name(number, parts), SCHEMAS[stage], f"{number}") as writer:
            writer.add([{name: row.get(name) for name in SCHEMAS[stage].names} for row in ours])
            writer.counts = Counts(seen=len(ours), kept=len(ours))
        written += [writer.part] if writer.part else []
    draft = Manifest(
        stage=stage, interval=interval, settings={}, settings_hash="", inputs={},
        code_version="benchmark", runner="", counts=Counts(), files=[], fingerprint="",
    )  # fmt: skip
    Path(folder, MANIFEST).write_bytes(complete(draft, written, 0.0).to_json())


class Watch(threading.Thread):
    """Looks at the resident memory of this process and of all below it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.worker = self.here = self.together = 0  # bytes

    def run(self) -> None:
        """Until `ended` is set."""
        me = psutil.Process()
        while not self.ended.wait(0.25):
            sizes = []
            for process in me.children(recursive=True):
                try:
                    sizes.append(process.memory_info().rss)
                except psutil.Error:
                    continue  # it ended while it was looked at
            self.here = max(self.here, me.memory_info().rss)
            self.worker = max(self.worker, *sizes, 0, 0)
            self.together = max(self.together, me.memory_info().rss + sum(sizes))


def main() -> None:
    """Prints counts and peaks."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--limit", type=int, default=1_500, help="MB for each worker")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    source = Corpus(given.root)
    interval = source.last_interval("documents")
    with tempfile.TemporaryDirectory() as folder:
        rows = list(copies(source, interval, given.times))
        write(Corpus(folder), "documents", interval, rows)
        links = [{**row, "key": row["url"], "karma": 3, "mentions": []} for row in rows]
        write(Corpus(folder), "links", interval, links)
        text = sum(len(row["text"]) for row in rows)
        print(f"{len(rows):,} documents, {text / 1e6:.0f} million characters")
        del rows, links
        recipe = read_recipe(
            "quickstart",
            [
                f'corpus.root="{folder}"',
                f'corpus.interval="{interval}"',
                'runner.name="dask"',
                f"runner.workers={given.workers}",
                f"runner.dask.memory_limit_mb={given.limit}",
            ],
        )
        watch, started = Watch(), time.monotonic()
        watch.start()
        build(recipe, first="dedup")
        watch.ended.set()
        watch.join()
    print(f"{time.monotonic() - started:.0f} s")
    for name in ("worker", "here", "together"):
        print(f"peak of {name}: {getattr(watch, name) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
