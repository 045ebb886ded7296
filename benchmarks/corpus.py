"""What the links and the corpus stage cost as an interval grows.

    python benchmarks/corpus.py [25000 50000 100000 …]     documents of each size

Each size is a month of its own, made up: documents in parts of 2,500 in the order of a crawl, a
link to each in parts of 50,000 by id, every fifth document a duplicate, and a text of a few
words.  First the links are joined with the documents, as the quality stage does; then the corpus
stage writes what is accepted.  Each size has a process of its own; processor time and greatest
memory are the kernel's account of it.
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
from pipeline.engine.stage import Job
from pipeline.quality.join import DOCUMENTS_A_UNIT, JoinUnit, join
from pipeline.quality.stage import CorpusStage
from pipeline.store.addresses import page_id
from pipeline.store.corpus import Corpus
from pipeline.store.parts import batches_of

INTERVAL = "2024-01"
SIZES = (25_000, 50_000, 100_000, 200_000)
PART, LINKS = 2_500, 50_000  # rows of a part, as the stages write them


def make(root: str, documents: int) -> None:
    """The stages that are read."""
    ids = [page_id(f"host.example/{number}") for number in range(documents)]
    by_id, karma = sorted(ids), random.Random(1)

    def parts(pages: list[str], rows: int, row: Callable[[str], Row]) -> list[list[Row]]:
        starts = range(0, len(pages), rows)
        return [[row(page) for page in pages[start : start + rows]] for start in starts]

    text = {"text": "A few words.", "words": 3, "url": "https://host.example/a", "canonical": ""}
    whole = parts(ids, PART, lambda page: {"id": page, **text})
    corpus, of = Corpus(root), len(whole)
    write_stage(corpus, "documents", INTERVAL, of, part=whole)
    links = parts(by_id, LINKS, lambda page: {"id": page, "karma": karma.randrange(99)})
    write_stage(corpus, "links", INTERVAL, len(links), part=links)
    verdict = {"karma": 3, "language": "en", "stage": "", "reason": ""}
    verdicts = parts(ids, PART, lambda page: {"id": page, **verdict})
    no_cuts: list[list[Row]] = [[]] * of
    write_stage(corpus, "quality", INTERVAL, of, verdicts=verdicts, cuts=no_cuts)
    removed = {"kept_id": by_id[1], "similarity": 0.9, "kind": "near", "elsewhere": ""}
    duplicates = [[{"id": row["id"], **removed} for row in part[::5]] for part in whole]
    write_stage(corpus, "dedup", INTERVAL, of, part=duplicates)


def run(root: str) -> None:
    """Both, in this process; prints processor seconds of each, and megabytes."""
    recipe = read_recipe("quickstart", [f'corpus.root="{root}"', "runner.workers=1"])
    job = recipe.job()
    start = time.process_time()
    join_links(job, f"{root}/joined")
    joined = time.process_time() - start
    with open_runner(recipe.runner) as runner:
        start = time.process_time()
        runner.run(CorpusStage().transform(job), "corpus")
        seconds = time.process_time() - start
    print(joined, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


def join_links(job: Job, folder: str) -> None:
    """All units of the join."""
    entries = job.corpus.require("documents", INTERVAL).tables("part-")
    documents = tuple(job.corpus.paths("documents", INTERVAL))
    links = tuple(job.corpus.paths("links", INTERVAL))
    for some in batches_of([entry.rows for entry in entries], DOCUMENTS_A_UNIT):
        paths = documents[some]
        names = tuple(path.rsplit("/", 1)[-1] for path in paths)
        join(JoinUnit(paths, names, links, folder, "benchmark", False))


def main() -> None:
    """A line a size; it calls itself (`--make`, `--run`), so that memory is each one's own."""
    if sys.argv[1:2] == ["--make"]:
        make(sys.argv[2], int(sys.argv[3]))
        return
    if sys.argv[1:2] == ["--run"]:
        run(sys.argv[2])
        return
    for documents in map(int, sys.argv[1:] or SIZES):
        with tempfile.TemporaryDirectory() as folder:
            itself("--make", folder, str(documents))
            joined, seconds, memory = map(float, itself("--run", folder).split())
        print(
            f"{documents:,} documents, {documents // PART} parts: links {joined:.1f} CPU s, corpus "
            f"{seconds:.1f}, {(joined + seconds) / documents * 1e6:.0f} a million documents, "
            f"{memory:.0f} MB",
            flush=True,
        )


def itself(*arguments: str) -> str:
    """What this script prints with other arguments."""
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
