"""datatrove's four MinHash steps over FOLDER/input/*.jsonl, one process; prints the seconds.

    .venv-peers/bin/python benchmarks/peer_datatrove.py FOLDER

Run by `benchmarks/dedup.py`, in the environment that `make peers` makes.
"""

from __future__ import annotations

import sys
import time

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

#: datatrove's own number of buckets; the step that compares has one task for each.
_BUCKETS = 14
#: Steps, each with the number of its tasks.
Steps = list[tuple[int, list[PipelineStep]]]


def minhash(texts: str, folder: str, tasks: int) -> Steps:
    """Its four steps over a folder of JSON lines; what stays comes into FOLDER/kept."""
    signatures, buckets, removed, kept = (
        f"{folder}/{name}" for name in ("signatures", "buckets", "removed", "kept")
    )
    return [
        (tasks, [JsonlReader(texts), MinhashDedupSignature(signatures)]),
        (_BUCKETS, [MinhashDedupBuckets(signatures, buckets)]),
        (1, [MinhashDedupCluster(buckets, removed)]),
        (tasks, [JsonlReader(texts), MinhashDedupFilter(removed), JsonlWriter(kept)]),
    ]


def run(steps: Steps, folder: str, workers: int, start_method: str = "forkserver") -> None:
    """Runs steps one after the other, each with as many processes as it can use."""
    for number, (tasks, step) in enumerate(steps):
        LocalPipelineExecutor(
            step,
            tasks=tasks,
            workers=workers,
            logging_dir=f"{folder}/log{number}",
            start_method=start_method,
        ).run()


def main(folder: str) -> None:
    """Times all four in one process."""
    start = time.perf_counter()
    run(minhash(f"{folder}/input", folder, 1), folder, 1)
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main(sys.argv[1])
