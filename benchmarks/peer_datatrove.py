"""datatrove's four MinHash steps over FOLDER/input/*.jsonl, one process; prints the seconds.

    .venv-peers/bin/python benchmarks/peer_datatrove.py FOLDER

Run by `benchmarks/dedup.py`, in the environment that `make peers` makes.
"""

from __future__ import annotations

import sys
import time

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter


def main(folder: str) -> None:
    """Runs the steps one after the other; the second has one task a bucket."""
    inputs, signatures, buckets, removed, kept = (
        f"{folder}/{name}" for name in ("input", "signatures", "buckets", "removed", "kept")
    )
    steps = [
        [JsonlReader(inputs), MinhashDedupSignature(signatures)],
        [MinhashDedupBuckets(signatures, buckets)],
        [MinhashDedupCluster(buckets, removed)],
        [JsonlReader(inputs), MinhashDedupFilter(removed), JsonlWriter(kept)],
    ]
    start = time.perf_counter()
    for number, step in enumerate(steps):
        tasks = 14 if number == 1 else 1
        LocalPipelineExecutor(
            step, tasks=tasks, workers=1, logging_dir=f"{folder}/log{number}"
        ).run()
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main(sys.argv[1])
