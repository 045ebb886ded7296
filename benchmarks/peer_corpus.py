"""datatrove from pages to a corpus: FOLDER/pages/*.jsonl to FOLDER/kept.

    .venv-peers/bin/python benchmarks/peer_corpus.py FOLDER WORKERS

The steps are those of its examples for FineWeb: trafilatura, the filters of Gopher, C4 (without
that of terminal punctuation) and FineWeb, then MinHash.  Its filter of languages is left out, whose
model is downloaded.  Run by `benchmarks/whole.py`, in the environment that `make peers` makes.
"""

from __future__ import annotations

import sys

from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from peer_datatrove import Steps, minhash, run


def main(folder: str, workers: int) -> None:
    """Extracts and filters, then removes near-duplicates."""
    extraction: Steps = [
        (
            workers,
            [
                JsonlReader(f"{folder}/pages"),
                Trafilatura(favour_precision=True),
                GopherRepetitionFilter(),
                GopherQualityFilter(),
                C4QualityFilter(filter_no_terminal_punct=False),
                FineWebQualityFilter(),
                JsonlWriter(f"{folder}/texts"),
            ],
        )
    ]
    # By fork, which starts sooner, and whose processes' time the kernel counts with this one's.
    steps = [*extraction, *minhash(f"{folder}/texts", folder, workers)]
    run(steps, folder, workers, start_method="fork")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
