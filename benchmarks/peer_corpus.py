"""datatrove from pages to a corpus: FOLDER/pages/*.jsonl to FOLDER/kept.

    .venv-peers/bin/python benchmarks/peer_corpus.py FOLDER WORKERS

The steps are those of its examples for FineWeb: trafilatura, the filters of Gopher, C4 (without
that of terminal punctuation) and FineWeb, then MinHash.  Its filter of languages is left out, whose
model is downloaded.  Run by `benchmarks/whole.py`, in the environment that `make peers` makes.
"""

from __future__ import annotations

import sys

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

_BUCKETS = 14  # datatrove's own number; the step has one task for each


def main(folder: str, workers: int) -> None:
    """Runs the steps one after the other, each with as many processes as it can use."""
    pages, texts, signatures, buckets, removed, kept = (
        f"{folder}/{name}"
        for name in ("pages", "texts", "signatures", "buckets", "removed", "kept")
    )
    steps: list[tuple[int, list[PipelineStep]]] = [
        (
            workers,
            [
                JsonlReader(pages),
                Trafilatura(favour_precision=True),
                GopherRepetitionFilter(),
                GopherQualityFilter(),
                C4QualityFilter(filter_no_terminal_punct=False),
                FineWebQualityFilter(),
                JsonlWriter(texts),
            ],
        ),
        (workers, [JsonlReader(texts), MinhashDedupSignature(signatures)]),
        (_BUCKETS, [MinhashDedupBuckets(signatures, buckets)]),
        (1, [MinhashDedupCluster(buckets, removed)]),
        (workers, [JsonlReader(texts), MinhashDedupFilter(removed), JsonlWriter(kept)]),
    ]
    for number, (tasks, step) in enumerate(steps):
        # By fork, which starts sooner, and whose processes' time the kernel counts with this one's.
        LocalPipelineExecutor(
            step,
            tasks=tasks,
            workers=workers,
            logging_dir=f"{folder}/log{number}",
            start_method="fork",
        ).run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
