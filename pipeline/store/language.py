"""The language of a text, by a model that ships inside its package (py3langid, 139 languages).

The score is the model's normalised probability, with the temperature that py3langid
calibrates by length; FineWeb keeps English from 0.65 of fastText's probability, and
`docs/extraction.md` shows what that bound does with this model.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from py3langid.langid import MODEL_FILE, LanguageIdentifier

#: Characters that are looked at: three windows from the start, the middle and the end.
#: The model reads byte by byte, so its time grows with them.  Of 660 real texts 3,000 characters
#: decide all as the whole text does, 1,500 all but one.
SAMPLE_CHARS = 1_500
#: Texts are cut into pieces of this many bytes, which are read side by side …
_PIECE = 12
#: … each from so many bytes before it: a state of the model's automaton follows from the last six.
_WARM_UP = 8
#: Shorter texts are read byte by byte: the first calls of numpy cost more than they do.
_SHORT = 300

#: How many more bits a whole float has for its mantissa than a half float, and by which power of
#: two the same exponent stands for more; a half float's bits without those of its sign's copies.
_MANTISSA_BITS, _BIAS = 13, np.float32(2.0**112)
_SIGN_AND_REST = np.int32(-0x7000_0001)

Scores = npt.NDArray[np.float32]
_NONE = np.zeros(0, dtype=np.int64)


def identify(text: str, chars: int = SAMPLE_CHARS) -> tuple[str, float]:
    """The likeliest language (ISO 639-1 where there is a code, else 639-3) and its probability.

    Looks at `chars` characters of a longer text.  One without letters gives ("", 0.0).
    """
    sample = _sample(text, chars)
    if not any(map(str.isalpha, sample)):
        return "", 0.0
    language, score = _model().classify(sample)
    # Rounded, so that two builds of numpy, whose sums differ in the last bit, agree.
    return str(language), round(float(score), 4)


def _sample(text: str, chars: int) -> str:
    if len(text) <= chars:
        return text
    window = chars // 3
    middle = (len(text) - window) // 2
    return "\n".join((text[:window], text[middle : middle + window], text[-window:]))


class _Identifier(LanguageIdentifier):
    """py3langid's identifier with its loop over bytes in numpy: the same scores in less time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._moves = np.frombuffer(self.tk_nextmove, dtype=np.uint32)
        self._bases = np.array(self._rowbase, dtype=np.int64)
        self._features = np.array(self.tk_output, dtype=np.int64)
        self._first = np.zeros(len(self.nb_ptc), dtype=np.int64)

    def _raw_score(self, text: bytes) -> Scores:
        found = self._features.take(self._states(text)) if len(text) > _SHORT else _NONE
        found = found[found >= 0]
        if not len(found):
            return super()._raw_score(text)  # type: ignore[no-any-return]
        # Sums of floats depend on the order: it is that in which the text has them first.
        places = np.arange(len(found))
        self._first[found[::-1]] = places[::-1]
        first = self._first.take(found)
        distinct = np.flatnonzero(first == places)
        often = np.log1p(np.bincount(first).take(distinct).astype(np.float32))
        weights = _whole_floats(self.nb_ptc.take(found.take(distinct), axis=0))
        scores: Scores = often @ weights + self.nb_pc
        return scores

    def _states(self, text: bytes) -> npt.NDArray[np.int64]:
        """The state of the automaton after each byte."""
        pieces = -(-len(text) // _PIECE)
        padded = np.zeros(pieces * _PIECE, dtype=np.int64)
        padded[: len(text)] = np.frombuffer(text, dtype=np.uint8)
        read = np.zeros((_WARM_UP + _PIECE, pieces), dtype=np.int64)  # a row a step
        read[_WARM_UP:] = padded.reshape(pieces, _PIECE).T
        read[:_WARM_UP, 1:] = read[-_WARM_UP:, :-1]
        states = np.zeros((_PIECE, pieces), dtype=np.int64)
        state = states[0]
        for step in range(-_WARM_UP, _PIECE):
            if step == 0:
                state[0] = 0  # nothing stands before the first piece
            moves = self._bases.take(state) + read[step + _WARM_UP]
            state = states[max(step, 0)]
            state[:] = self._moves.take(moves)
        return states.T.ravel()[: len(text)]


def _whole_floats(halves: npt.NDArray[np.float16]) -> npt.NDArray[np.float32]:
    """Finite half floats as whole ones, by their bits: numpy converts a number at a time."""
    bits = halves.view(np.int16).astype(np.int32)
    bits <<= _MANTISSA_BITS  # the sign is in all bits from where it stood …
    bits &= _SIGN_AND_REST  # … of which the first is kept
    floats = bits.view(np.float32)
    floats *= _BIAS
    return floats


@cache
def _model() -> LanguageIdentifier:
    return _Identifier.from_model_file(MODEL_FILE, norm_probs=True)
