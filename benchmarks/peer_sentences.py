"""datatrove's sentence dedup over FOLDER/input/*.jsonl, one process; prints the seconds.

    .venv-peers/bin/python benchmarks/peer_sentences.py FOLDER

Run by `benchmarks/passages.py`, in the environment that `make peers` makes.
"""

from __future__ import annotations

import sys
import time

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import SentenceDedupFilter, SentenceDedupSignature, SentenceFindDedups
from datatrove.pipeline.dedup.sentence_dedup import SentDedupConfig
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter


def main(folder: str) -> None:
    """Its three steps with its defaults: spans of three sentences."""
    inputs, signatures, removed, kept = (
        f"{folder}/{name}" for name in ("input", "sentences", "repeated", "left")
    )
    config = SentDedupConfig()
    steps = [
        [JsonlReader(inputs), SentenceDedupSignature(signatures, config=config)],
        [SentenceFindDedups(signatures, removed, config=config)],
        [JsonlReader(inputs), SentenceDedupFilter(removed, config=config), JsonlWriter(kept)],
    ]
    start = time.perf_counter()
    for number, step in enumerate(steps):
        LocalPipelineExecutor(
            step, tasks=1, workers=1, logging_dir=f"{folder}/sentences-log{number}"
        ).run()
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main(sys.argv[1])
