"""datatrove's Gopher, C4 and FineWeb filters on the texts of a JSON list; prints JSON.

    .venv-peers/bin/python benchmarks/peer_filters.py TEXTS.json

The answer is `{"verdicts": {family: [...]}, "seconds": …}`: "kept" or the reason of each
text, and the processor time of all four.  Run by `benchmarks/quality.py` and by tests, in the
environment that `make peers` makes.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)


def main(path: str) -> None:
    """Asks each filter for each text."""
    with open(path, encoding="utf-8") as stream:
        texts = json.load(stream)
    filters = {
        "repetition": GopherRepetitionFilter(),
        "gopher": GopherQualityFilter(),
        "c4": C4QualityFilter(filter_no_terminal_punct=True),
        "fineweb": FineWebQualityFilter(),
    }
    for each in filters.values():  # the tokenizer is loaded on first use
        each.filter(Document(text="To warm up. And again.", id="0"))
    started = time.process_time()
    verdicts = {
        family: [_said(each.filter(Document(text=text, id="0"))) for text in texts]
        for family, each in filters.items()
    }
    print(json.dumps({"verdicts": verdicts, "seconds": time.process_time() - started}))


def _said(verdict: Any) -> str:
    if verdict is True:
        return "kept"
    return str(verdict[1]) if isinstance(verdict, tuple) else "dropped"


if __name__ == "__main__":
    main(sys.argv[1])
