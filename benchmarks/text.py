"""Text and quality in one run: this project beside trafilatura's default and datatrove's filters.

    python -m benchmarks.text [--data FOLDER] [--pages N]

On the pages of FOLDER (see `benchmarks/extract.py`): F1 and throughput of extraction beside
trafilatura's default, what the first pass loses, then all measures of the texts of N manual
pages beside datatrove's four filters, which run in the environment of `make peers`.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path

from benchmarks import extract
from benchmarks.quality import PEERS, datatrove
from pipeline.quality.measure_document import measure_text


def measures(data: Path, count: int) -> None:
    """All measures of the texts of `count` manual pages, and datatrove's filters on the same."""
    texts = [text for page in extract.manuals(data, count) if (text := extract.ours(page))]
    started = time.process_time()
    for text in texts:
        measure_text(text)
    took = time.process_time() - started
    print(f"measures: {len(texts)} texts, {sum(map(len, texts)):,} characters, processor time")
    print(f"  webtext, all measures        {took:7.2f} s")
    if PEERS.exists():
        theirs = datatrove(texts)["seconds"]
        print(f"  datatrove, four filters      {theirs:7.2f} s  ratio {theirs / took:.1f}")


def main() -> None:
    """Runs everything on one set of pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--pages", type=int, default=400, help="manual pages to take")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)  # trafilatura warns about each page it finds nothing in
    for kind in (extract.quality, extract.frame, extract.speed, extract.prefilter, measures):
        kind(asked.data, asked.pages)


if __name__ == "__main__":
    main()
