"""Which documents are for validation, and which are trained on: ids of the few, never of all."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.store.corpus import Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.parquet import read_footer, read_rows


def validation_ids(corpus: Corpus, name: str) -> set[str]:
    """The ids of validation over all intervals; WebtextError where one is trained on, too."""
    ids = {
        row["id"] for path in _paths(corpus, name, "validation") for row in read_rows(path, ["id"])
    }
    both = trained_on(corpus, name, ids)
    if both:
        raise WebtextError(
            f"tokens/{name}: document {min(both)} is in train and in validation",
            "Build the tokens stage again",
        )
    return ids


def trained_on(corpus: Corpus, name: str, ids: set[str]) -> set[str]:
    """Those of some ids that are trained on."""
    if not ids:
        return set()
    return {
        row["id"]
        for path in _paths(corpus, name, "train")
        for row in read_rows(path, ["id"])
        if row["id"] in ids
    }


def count_trained_on(corpus: Corpus, name: str) -> int:
    """How many documents are trained on."""
    return sum(read_footer(path).num_rows for path in _paths(corpus, name, "train"))


def _paths(corpus: Corpus, name: str, split: str) -> Iterator[str]:
    for interval in corpus.intervals(f"tokens/{name}"):
        yield from corpus.paths(f"tokens/{name}", interval, f"documents-{split}-")
