"""How a piece of a document becomes one or two segments: one class for each kind of question.

All draws are keyed by seed and sample number.  What a class asks must not be told by lengths,
punctuation or position: `tests/trainer/data/test_leaks.py` trains a learner that sees nothing else.

Sources: google-research/bert and albert `create_pretraining_data.py`; google-research/electra
`build_pretraining_dataset.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.data.elsewhere import Elsewhere, OtherText
from trainer.data.encoder import EncoderSample
from trainer.data.pack import Ending
from trainer.data.token_row import Span
from trainer.settings.objective import PairSettings

Tokens = NDArray[np.int32]
#: The label of a sample that is not asked.
NOT_ASKED = -1


@dataclass(frozen=True)
class Pair:
    """Two segments without special tokens; `second` may be empty.

    `elsewhere`: where the second one lies if it is not of the sample's piece.
    """

    first: Tokens
    second: Tokens
    label: int = NOT_ASKED
    elsewhere: Span | None = None


@dataclass(frozen=True)
class Piece:
    """A sample's tokens, without the token that ends a document, and the ends of its sentences."""

    sample: EncoderSample
    tokens: Tokens
    ends: Tokens


class Segments(ABC):
    """What becomes of the pieces of a run.

    `room`: most tokens of both segments.  `settings` is `[pairs]`.
    """

    #: Shortest target of a short sample.
    shortest = 2
    #: How pieces are packed (`trainer.data.pack`); with `pairs.mode = "release"` they overrun.
    ending: Ending = "fit"

    def __init__(self, settings: PairSettings, room: int, elsewhere: Elsewhere) -> None:
        self.settings, self.room, self.elsewhere = settings, room, elsewhere

    @abstractmethod
    def pair(self, piece: Piece, draw: np.random.Generator) -> Pair:
        """The segments of a piece, together at most `room` tokens."""


class OneSegment(Segments):
    """The piece as it is: RoBERTa and ModernBERT."""

    def pair(self, piece: Piece, draw: np.random.Generator) -> Pair:
        """The piece; what is over the room is cut behind."""
        return Pair(piece.tokens[: self.room], piece.tokens[:0])


class NextSentence(Segments):
    """BERT: is the second segment from another document (label 1)?

    A piece is cut between two of its sentences, and then a coin decides.  A second segment from
    elsewhere is the second half of a piece as well, and as long as the one it stands for.  A piece
    of one sentence is not asked.  "release": as google-research/bert has it, such a piece always
    gets a second segment from elsewhere; those run from any sentence on until the target is
    reached; and what is too long is cut at either end.
    """

    def pair(self, piece: Piece, draw: np.random.Generator) -> Pair:
        """The label is 0 where there is no other document."""
        tokens, release = piece.tokens, self.settings.mode == "release"
        cut = _between_sentences(piece, draw)
        if cut == len(tokens) and not release:
            return Pair(tokens, tokens[:0])
        replaced = cut == len(tokens) or bool(draw.integers(2))
        other = self._other(piece, cut, draw) if replaced else None
        if other is None:
            return Pair(*shortened(tokens[:cut], tokens[cut:], self.room, draw), 0)
        first, second = shortened(tokens[:cut], other.tokens, self.room, draw)
        return Pair(first, second, 1, other.span)

    def _other(self, piece: Piece, cut: int, draw: np.random.Generator) -> OtherText | None:
        number = int(draw.integers(1 << 62))
        if self.settings.mode == "release":
            wanted = piece.sample.target - cut
            return self.elsewhere.from_a_sentence_on(piece.sample, wanted, number)
        sentences = int(np.searchsorted(piece.ends, cut)) + 1
        wanted, most = len(piece.tokens) - cut, self.room - cut
        return self.elsewhere.second_half(piece.sample, sentences, wanted, most, number)


class SentenceOrder(Segments):
    """ALBERT: were two consecutive segments swapped (label 1)?

    A piece is packed as two halves; one that ends with its document is cut between any two of its
    sentences.  Either way the halves are alike but for what they say.  A piece of one sentence is
    not cut, since which half begins with a capital letter gives the order away, and is not
    asked.  "release": it gets a second segment from another document and counts as
    swapped (google-research/albert), so that the order can be told by the topic.
    """

    ending = "halves"

    def pair(self, piece: Piece, draw: np.random.Generator) -> Pair:
        """Half of the pairs are swapped."""
        tokens, cut = piece.tokens, self._cut(piece, draw)
        if cut < len(tokens):
            swapped = bool(draw.integers(2))
            halves = (tokens[cut:], tokens[:cut]) if swapped else (tokens[:cut], tokens[cut:])
            return Pair(*shortened(*halves, self.room, draw), int(swapped))
        other = None
        if self.settings.mode == "release":
            wanted, number = piece.sample.target - cut, int(draw.integers(1 << 62))
            other = self.elsewhere.from_a_sentence_on(piece.sample, wanted, number)
        if other is None:
            return Pair(tokens[: self.room], tokens[:0])
        return Pair(*shortened(tokens, other.tokens, self.room, draw), 1, other.span)

    def _cut(self, piece: Piece, draw: np.random.Generator) -> int:
        sample = piece.sample
        if self.settings.mode == "release" or len(sample.tokens) < sample.target:
            return _between_sentences(piece, draw)
        return int(
            piece.ends[np.searchsorted(piece.ends, sample.half).clip(max=len(piece.ends) - 1)]
        )


class HalfAndHalf(Segments):
    """ELECTRA: sentences fill the first half of the target, the rest is the second; no question.

    The sentence that runs over the half goes to the first segment by a coin.  A share of
    `pairs.single` stays one segment.
    """

    shortest = 5

    def pair(self, piece: Piece, draw: np.random.Generator) -> Pair:
        """Both halves have text unless one sentence is all there is."""
        tokens = piece.tokens
        if draw.random() < self.settings.single:
            return Pair(tokens[: self.room], tokens[:0])
        target, cut = piece.sample.target // 2, 0
        for number, end in enumerate(piece.ends.tolist()):
            over = number > 0 and end >= target
            if over and not (cut < target and draw.random() < 0.5):
                break
            cut = end
            if over:
                break
        return Pair(tokens[:cut][: self.room], tokens[cut : self.room])


def _between_sentences(piece: Piece, draw: np.random.Generator) -> int:
    """Where a piece is cut in two: behind one of its sentences but the last, if there are two."""
    if len(piece.ends) < 2:
        return len(piece.tokens)
    return int(piece.ends[draw.integers(len(piece.ends) - 1)])


def shortened(
    first: Tokens, second: Tokens, room: int, draw: np.random.Generator
) -> tuple[Tokens, Tokens]:
    """Both within `room`: the longer one loses a token, in front or behind by a coin, until so."""
    bounds = [[0, len(first)], [0, len(second)]]
    for front in draw.integers(2, size=max(0, len(first) + len(second) - room)):
        sizes = [stop - start for start, stop in bounds]
        longer = bounds[0] if sizes[0] > sizes[1] else bounds[1]
        longer[0 if front else 1] += 1 if front else -1
    return first[slice(*bounds[0])], second[slice(*bounds[1])]
