"""How much there is: documents, words, characters and tokens of a whole corpus."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.store.manifest import Manifest
from pipeline.store.sql import Database


def text_totals(database: Database) -> list[tuple[str, int]]:
    """Documents, words and characters of the view `corpus`."""
    ((documents, words, characters),) = database.ask(
        "SELECT count(*), coalesce(sum(words), 0)::BIGINT, coalesce(sum(length(text)), 0)::BIGINT "
        "FROM corpus"
    )
    return [("documents", documents), ("words", words), ("characters", characters)]


def token_totals(manifests: Iterable[tuple[str, Manifest]]) -> list[tuple[str, int]]:
    """Tokens of each tokenizer and split over all intervals, from the manifests of its shards."""
    totals: dict[str, int] = {}
    for stage, manifest in manifests:
        if not stage.startswith("tokens/"):
            continue
        for split in ("train", "validation"):
            name = f"tokens of {stage.partition('/')[2]}, {split}"
            totals[name] = totals.get(name, 0) + manifest.extra.get(f"{split}_tokens", 0)
    return list(totals.items())
