"""Links that ended by a passing fault and wait to be asked for again."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.pages.refetch import WAITING, Patience
from pipeline.store.corpus import Corpus
from pipeline.store.manifest import Manifest
from pipeline.store.parquet import read_rows


@dataclass
class Waiting:
    """How many links wait, how many of them are due, and when the next one is.

    Seconds since 1970; 0 where none waits.
    """

    links: int = 0
    due: int = 0
    next_at: float = 0.0


def waiting_links(corpus: Corpus, interval: str, manifest: Manifest, patience: Patience) -> Waiting:
    """Counts them in the fetch tables of an interval; reads nothing where the manifest has none."""
    waiting = Waiting()
    if not manifest.extra.get(WAITING):
        return waiting
    columns = ["outcome", "status", "fetched_at", "builds"]
    for path in corpus.paths("pages", interval, "fetches-"):
        for row in read_rows(path, columns):
            if patience.waits(row):
                waiting.links += 1
                waiting.due += patience.is_due(row)
                at = patience.due_at(row)
                waiting.next_at = min(at, waiting.next_at or at)
    return waiting
