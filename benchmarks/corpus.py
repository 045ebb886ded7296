"""What the corpus stage costs as an interval grows.

    python benchmarks/corpus.py [25000 50000 100000 …]     documents of each size

Each size is a month of its own, made up: documents in parts of 2,500 in the order of a crawl, a
link to each in parts of 50,000 by id, every fifth document a duplicate, and a text of a few
words that all rules let through.  So the time is that of finding what other tables say of a
document.  The stage runs in a process of its own with Beam's in-process runner; processor time
and greatest memory are the kernel's account of it.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from made import Row, write_stage

from pipeline.build.recipe import read_recipe
from pipeline.engine.runners.open import open_runner
from pipeline.quality.measure_document import measurement_schema
from pipeline.quality.stage import CorpusStage
from pipeline.store.addresses import page_id
from pipeline.store.corpus import Corpus

INTERVAL = "2024-01"
SIZES = (25_000, 50_000, 100_000, 200_000)
PART, LINKS, REMOVED = 2_500, 50_000, 1_000_000  # rows of a part, as the stages write them


def make(root: str, documents: int) -> None:
    """The four stages that the corpus stage reads."""
    ids = [page_id(f"host.example/{number}") for number in range(documents)]
    by_id, karma = sorted(ids), random.Random(1)

    def write(stage: str, pages: list[str], rows: int, row: Callable[[str], Row]) -> None:
        starts = range(0, len(pages), rows)
        parts = ([row(page) for page in pages[start : start + rows]] for start in starts)
        write_stage(Corpus(root), stage, INTERVAL, len(starts), parts)

    text = {"text": "A few words.", "words": 3, "url": "https://host.example/a", "canonical": ""}
    write("documents", ids, PART, lambda page: {"id": page, **text})
    names = measurement_schema().names
    write("quality", ids, PART, lambda page: dict.fromkeys(names) | {"id": page})
    write("links", by_id, LINKS, lambda page: {"id": page, "karma": karma.randrange(99)})
    removed = {"kept_id": by_id[1], "similarity": 0.9, "kind": "near"}
    write("dedup", by_id[::5], REMOVED, lambda page: {"id": page, **removed})


def run(root: str) -> None:
    """The stage, in this process; prints its processor seconds and megabytes."""
    recipe = read_recipe("quickstart", [f'corpus.root="{root}"', "runner.workers=1"])
    with open_runner(recipe.runner) as runner:
        job = recipe.job()
        start = time.process_time()
        runner.run(CorpusStage().transform(job), "corpus")
        seconds = time.process_time() - start
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


def main() -> None:
    """A line a size; `--root` is how it calls itself."""
    if sys.argv[1:2] == ["--root"]:
        run(sys.argv[2])
        return
    for documents in map(int, sys.argv[1:] or SIZES):
        with tempfile.TemporaryDirectory() as folder:
            make(folder, documents)
            command = [sys.executable, __file__, "--root", folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(done.stderr)
        seconds, memory = map(float, done.stdout.split())
        print(
            f"{documents:,} documents, {documents // PART} parts: {seconds:.1f} CPU s, "
            f"{seconds / documents * 1e6:.0f} a million documents, {memory:.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    main()
