"""Which documents are for validation, and which are trained on: ids of the few, never of all."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from pipeline.store.corpus import Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.parquet import read_rows, rows_of


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


def corpus_parts(corpus: Corpus, name: str) -> list[str]:
    """The parts of the corpus of all intervals that `tokens/NAME` has."""
    intervals = corpus.intervals(f"tokens/{name}")
    return [path for interval in intervals for path in corpus.paths("corpus", interval)]


def texts_of(parts: Iterable[str], ids: Container[str], within: bool) -> Iterator[tuple[str, str]]:
    """Ids and texts of the documents of some ids, or of all others."""
    for path in parts:
        for row in read_rows(path, ["id", "text"]):
            if (row["id"] in ids) is within:
                yield row["id"], row["text"]


def count_trained_on(corpus: Corpus, name: str) -> int:
    """How many documents are trained on."""
    return sum(map(rows_of, _paths(corpus, name, "train")))


def _paths(corpus: Corpus, name: str, split: str) -> Iterator[str]:
    for interval in corpus.intervals(f"tokens/{name}"):
        yield from corpus.paths(f"tokens/{name}", interval, f"documents-{split}-")
