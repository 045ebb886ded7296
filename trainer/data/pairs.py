"""Samples of an encoder: [CLS] A [SEP] B [SEP] from pieces of documents, by their number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.data.elsewhere import Elsewhere
from trainer.data.encoder import EncoderSample, EncoderSamples
from trainer.data.header import HEADER
from trainer.data.numbering import Numbering
from trainer.data.pack import Packing
from trainer.data.seeds import seed_for
from trainer.data.segments import Pair, Piece, Segments, Tokens
from trainer.data.shard_set import Shards
from trainer.data.token_row import Span
from trainer.data.vocabulary import Vocabulary
from trainer.settings.recipe import RunRecipe

#: Special tokens of a sample: [CLS] and two [SEP].
_SPECIAL = 3


class PairStream:
    """The samples of one split as rows: int32 (HEADER + context), -1 where nothing is.

    `segments` says what becomes of a piece.  `length` is the columns of a row but one,
    `tokens_per_sample` the longest sample.
    Raises SettingError where the tokenizer has no [CLS] or [SEP].
    """

    def __init__(
        self,
        shards: Shards,
        split: str,
        recipe: RunRecipe,
        segments: type[Segments],
    ) -> None:
        vocabulary = Vocabulary.read(shards.tokenizer)
        context, room = recipe.model.context, recipe.model.context - _SPECIAL
        self.tokens_per_sample, self.length = context, HEADER + context - 1
        packing = Packing(
            room,
            recipe.pairs.short,
            min(segments.shortest, room),
            "overrun" if recipe.pairs.mode == "release" else segments.ending,
        )
        shuffled = split == "train"
        seed = recipe.data.seed
        self._pieces = EncoderSamples(shards, split, packing, seed, shuffled, recipe.data)
        self._segments = segments(recipe.pairs, room, Elsewhere(self._pieces))
        self.samples = self._pieces.samples
        self._cls, self._sep = vocabulary.cls, vocabulary.sep
        self._seed = seed_for(seed, "pair", segments.__name__)

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
        """Where the tokens of sample `index` lie: those of its piece, and of a second document."""
        elsewhere = self.pair(self._pieces.sample(index)).elsewhere
        return [*self._pieces.spans(index), *([elsewhere] if elsewhere else [])]

    def close(self) -> None:
        """Ends reading."""
        self._pieces.close()

    def _fill(self, row: Tokens, sample: EncoderSample) -> None:
        pair = self.pair(sample)
        parts: list[Sequence[int] | Tokens] = [[self._cls], pair.first, [self._sep]]
        if len(pair.second):
            parts += [pair.second, [self._sep]]
        ids = np.concatenate([np.asarray(part, dtype=np.int32) for part in parts])
        row[0], row[1] = sample.number & 0x7FFFFFFF, sample.number >> 31
        row[2], row[3] = len(pair.first) + 2, pair.label
        row[HEADER : HEADER + len(ids)] = ids

    def pair(self, sample: EncoderSample) -> Pair:
        """The segments of a sample."""
        draw = np.random.Generator(np.random.Philox(key=seed_for(self._seed, sample.number)))
        tokens, ends = sample.tokens, sample.ends
        if len(tokens) > 1 and tokens[-1] == self._sep:
            # The [SEP] that ends a document in the shards.
            tokens = tokens[:-1]
            ends = np.unique(np.minimum(ends, len(tokens)))
        return self._segments.pair(Piece(sample, tokens, ends), draw)
