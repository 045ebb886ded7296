"""The memory of a build of many times the documents, under a limit for each worker.

    python benchmarks/memory.py ROOT [--times 10] [--limit 1500] [--workers 2]

ROOT is a corpus that is built up to its documents.  Each document is written so many times
into a corpus in a temporary folder, each time with every fourth word taken from another place
of the same text: no copy is a near-duplicate of another.  Then everything from quality to
shards is built on dask, and the memory of each process is looked at four times a second.
The peaks of a stage are printed when it is done, so a run that is stopped has said something.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import islice

import psutil
import pyarrow.parquet as pq
from made import Row, write_stage

from pipeline.build.build import build
from pipeline.build.recipe import read_recipe
from pipeline.store.addresses import page_id
from pipeline.store.corpus import Corpus

ROWS = 2_000  # of a part


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


def multiply(source: Corpus, interval: str, times: int, target: Corpus) -> None:
    """Writes documents and links of the copies; says how much it is."""
    rows = copies(source, interval, times)
    documents = source.require("documents", interval).counts.kept * times
    links: list[Row] = []
    characters = 0

    def parts() -> Iterator[list[Row]]:
        nonlocal characters
        while part := list(islice(rows, ROWS)):
            characters += sum(len(row["text"]) for row in part)
            links.extend(
                {"id": row["id"], "key": row["url"], "url": row["url"], "karma": 3, "mentions": []}
                for row in part
            )
            yield part

    of = -(-documents // ROWS)
    write_stage(target, "documents", interval, of, part=parts())
    write_stage(target, "links", interval, 1, part=[links])
    print(f"{documents:,} documents, {characters / 1e6:.0f} million characters", flush=True)


class Watch(threading.Thread):
    """Looks at the resident memory of this process and of all below it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.started = time.monotonic()
        self.largest = self.here = self.together = 0  # bytes

    def run(self) -> None:
        """Until `ended` is set."""
        me = psutil.Process()
        while not self.ended.wait(0.25):
            sizes = [0]
            for process in me.children(recursive=True):
                try:
                    sizes.append(process.memory_info().rss)
                except psutil.Error:
                    continue  # it ended while it was looked at
            here = me.memory_info().rss
            self.here = max(self.here, here)
            self.largest = max(self.largest, *sizes)
            self.together = max(self.together, here + sum(sizes))

    def say(self, line: str) -> None:
        """Passes on a line of the build; behind that of a finished stage, its peaks."""
        print(line, flush=True)
        if ": done, " in line:
            found = (self.largest, self.here, self.together)
            largest, here, together = (f"{peak / 1e6:,.0f} MB" for peak in found)
            seconds = time.monotonic() - self.started
            print(f"  peaks: largest worker {largest}, submitting process {here},", end=" ")
            print(f"all together {together}; {seconds:.0f} s since the start", flush=True)
            self.largest = self.here = self.together = 0


def main() -> None:
    """Builds and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--limit", type=int, default=1_500, help="MB for each worker")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    source = Corpus(given.root)
    interval = source.last_interval("documents")
    with tempfile.TemporaryDirectory() as folder:
        multiply(source, interval, given.times, Corpus(folder))
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
        watch = Watch()
        watch.start()
        build(recipe, first="quality", say=watch.say)
        watch.ended.set()
        watch.join()


if __name__ == "__main__":
    main()
