"""The document for a split that the fraction leaves empty, as it does in a small corpus.

Of six documents 1 % are none.  Then the one with the least hash is for validation: the first
that a greater fraction would take.  Where the fraction takes all, the one with the greatest
hash is left to train on.  That follows from the documents of the interval alone, so it is the
same on any runner and whatever other intervals there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from pipeline.store.parquet import read_table, rows_of
from pipeline.tokens.draws import SPLITS, split_chance


@dataclass(frozen=True)
class MovedDocument:
    """A document that is in the split `to`, though the fraction says the other one."""

    id: str
    to: str
    tokens: int

    def token_changes(self) -> dict[str, int]:
        """What it adds to the tokens of each split, as the fraction counts them."""
        return {
            f"{split}_tokens": self.tokens if split == self.to else -self.tokens for split in SPLITS
        }


def fill_empty_split(pieces: Sequence[str], tokens: Mapping[str, int]) -> MovedDocument | None:
    """The document that moves, None where none does.

    `pieces` are the paths of all encoded pieces, `tokens` says how many each split has by the
    fraction.  A single document is to train on, and validation stays empty.
    """
    empty = [split for split in SPLITS if not tokens[split]]
    if len(empty) != 1:
        return None
    documents = sum(map(rows_of, pieces))
    if empty == ["validation"] and documents == 1:
        return None
    choose = min if empty == ["validation"] else max
    _, page, path = choose(
        choose((split_chance(page), page, path) for page in ids)
        for path in pieces
        if (ids := read_table(path, ["id"])["id"].to_pylist())
    )
    lengths = read_table(path, ["lengths"], where=[("id", "=", page)])["lengths"]
    return MovedDocument(page, empty[0], pc.sum(pc.list_flatten(lengths)).as_py())
