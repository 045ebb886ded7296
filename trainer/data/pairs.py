"""Samples of an encoder: [CLS] A [SEP] B [SEP] from pieces of documents, by their number.

`trainer.data.encoder` cuts documents into pieces of whole sentences; here a piece becomes two
segments as each objective wants them.  All draws are keyed by seed and sample number.

Sources: google-research/bert and albert `create_pretraining_data.py`; google-research/electra
`build_pretraining_dataset.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.data.encoder import EncoderSample, EncoderSamples
from trainer.data.header import HEADER
from trainer.data.numbering import Numbering
from trainer.data.seeds import seed_for
from trainer.data.shard_set import Shards
from trainer.data.token_row import Span
from trainer.settings.recipe import RunRecipe

#: Shortest target of a short sample (ALBERT and BERT 2, ELECTRA 5).
_SHORTEST = {"bert": 2, "albert": 2, "electra": 5}

Tokens = NDArray[np.int32]


class Pair(NamedTuple):
    """Two segments without special tokens; `second` may be empty."""

    first: Tokens
    second: Tokens
    label: int


class PairStream:
    """The samples of one split as rows: int32 (HEADER + context), -1 where nothing is.

    `length` is the columns of a row but one, `tokens_per_sample` the longest sample.  `marks`
    are the ids of [CLS] and [SEP].
    """

    def __init__(
        self,
        shards: Shards,
        split: str,
        recipe: RunRecipe,
        marks: tuple[int, int],
        shuffled: bool = True,
    ) -> None:
        context, seed, objective = recipe.model.context, recipe.data.seed, recipe.objective
        self.tokens_per_sample, self.length = context, HEADER + context - 1
        self._pieces = EncoderSamples(
            shards,
            split,
            context - 3,
            seed,
            shuffled,
            short=recipe.pairs.short,
            shortest=_SHORTEST[objective],
            settings=recipe.data,
        )
        self.samples = self._pieces.samples
        self._objective, self._settings = objective, recipe.pairs
        self._cls, self._sep = marks
        self._seed, self._room = seed, context - 3

    def batch(self, first: int, count: int) -> NDArray[np.int32]:
        """Samples [first, first + count) of the run: int32 (count, length + 1)."""
        rows = np.full((count, self.length + 1), -1, dtype=np.int32)
        for row, piece in zip(rows, self._pieces.take(first, count), strict=True):
            self._fill(row, piece)
        return rows

    @property
    def numbering(self) -> Numbering:
        """Where each sample of the run lies."""
        return self._pieces.reader.numbering

    def spans(self, index: int) -> list[Span]:
        """Where the tokens of sample `index` lie (of the first document, where it has two)."""
        return self._pieces.spans(index)

    def close(self) -> None:
        """Ends reading."""
        self._pieces.close()

    def _fill(self, row: Tokens, piece: EncoderSample) -> None:
        pair = self.pair(piece)
        parts: list[Sequence[int] | Tokens] = [[self._cls], pair.first, [self._sep]]
        if len(pair.second):
            parts += [pair.second, [self._sep]]
        said = np.concatenate([np.asarray(part, dtype=np.int32) for part in parts])
        row[0], row[1] = piece.number & 0x7FFFFFFF, piece.number >> 31
        row[2], row[3] = len(pair.first) + 2, pair.label
        row[HEADER : HEADER + len(said)] = said

    def pair(self, piece: EncoderSample) -> Pair:
        """The two segments of a piece, as the objective wants them."""
        tokens, ends = _without_end(piece, self._sep)
        draw = np.random.Generator(
            np.random.Philox(key=seed_for(self._seed, "pair", self._objective, piece.number))
        )
        if self._objective == "electra":
            return _split_in_two(tokens, ends, self._room, self._settings.single, draw)
        if self._objective == "albert":
            return self._ordered(piece, tokens, ends, draw)
        return self._following(piece, tokens, ends, draw)

    def _ordered(
        self, piece: EncoderSample, tokens: Tokens, ends: Tokens, draw: np.random.Generator
    ) -> Pair:
        """ALBERT: two consecutive segments, swapped in half of the samples.

        A single sentence is not cut: which half begins with a capital letter gives the order away.
        """
        if len(ends) > 1:
            cut = int(ends[draw.integers(len(ends) - 1)])
        elif self._settings.mode == "release":
            return self._with_other(piece, tokens, draw)
        else:
            return Pair(tokens, tokens[:0], -1)
        swapped = bool(draw.integers(2))
        first, second = tokens[:cut], tokens[cut:]
        return Pair(second, first, 1) if swapped else Pair(first, second, 0)

    def _following(
        self, piece: EncoderSample, tokens: Tokens, ends: Tokens, draw: np.random.Generator
    ) -> Pair:
        """BERT: half of the second segments are from another document."""
        cut = int(ends[draw.integers(len(ends) - 1)]) if len(ends) > 1 else len(tokens)
        if cut == len(tokens) or draw.integers(2):
            return self._with_other(piece, tokens[:cut], draw)
        return Pair(tokens[:cut], tokens[cut:], 0)

    def _with_other(self, piece: EncoderSample, first: Tokens, draw: np.random.Generator) -> Pair:
        other = self._pieces.other(piece, int(draw.integers(1 << 62)))
        second, _ = _without_end(other, self._sep)
        return Pair(*_shortened(first, second, self._room, draw), 1)


def _without_end(piece: EncoderSample, sep: int) -> tuple[Tokens, Tokens]:
    """Tokens and ends of sentences, without the [SEP] that ends a document in the shards."""
    tokens, ends = piece.tokens, piece.ends
    if len(tokens) > 1 and tokens[-1] == sep:
        tokens = tokens[:-1]
        ends = np.unique(np.minimum(ends, len(tokens)))
    return tokens, ends


def _split_in_two(
    tokens: Tokens, ends: Tokens, room: int, single: float, draw: np.random.Generator
) -> Pair:
    """ELECTRA: sentences fill the first half; the one that runs over it goes there by a coin."""
    if draw.random() < single:
        return Pair(tokens, tokens[:0], -1)
    target, cut = room // 2, 0
    for number, end in enumerate(ends.tolist()):
        over = number > 0 and end >= target
        if over and not (cut < target and draw.random() < 0.5):
            break
        cut = end
        if over:
            break
    return Pair(tokens[:cut], tokens[cut:], -1)


def _shortened(
    first: Tokens, second: Tokens, room: int, draw: np.random.Generator
) -> tuple[Tokens, Tokens]:
    """Both within `room`: the longer one loses a token, in front or behind by a coin, until so."""
    bounds = [[0, len(first)], [0, len(second)]]
    for front in draw.integers(2, size=max(0, len(first) + len(second) - room)):
        sizes = [stop - start for start, stop in bounds]
        longer = bounds[0] if sizes[0] > sizes[1] else bounds[1]
        longer[0 if front else 1] += 1 if front else -1
    return first[slice(*bounds[0])], second[slice(*bounds[1])]
