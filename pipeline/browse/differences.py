"""Two texts side by side: which words of each the other has not at this place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from pipeline.browse.terms import TextPiece

#: Characters of each text that are compared; the rest is left as it is.
MOST_CHARACTERS = 200_000
#: Words of one changed place times those of the other, at most; beyond it the whole place differs.
_MOST_PAIRS = 4_000_000
_WORD = re.compile(r"\S+\s*|\s+")

Pieces = list[TextPiece]


def differences(one: str, other: str) -> tuple[Pieces, Pieces]:
    """Both texts in pieces; those that differ are marked.

    Lines are matched first and words within what is left, so long texts take little time.
    """
    left, right = (text[:MOST_CHARACTERS].splitlines(keepends=True) for text in (one, other))
    ours: list[TextPiece] = []
    theirs: list[TextPiece] = []
    for same, a, b in _blocks(left, right):
        if same:
            ours.append(TextPiece("".join(a), False))
            theirs.append(TextPiece("".join(b), False))
        else:
            changed = _by_words(a, b)
            ours += changed[0]
            theirs += changed[1]
    return _joined(ours), _joined(theirs)


def _by_words(one: Sequence[str], other: Sequence[str]) -> tuple[Pieces, Pieces]:
    """Changed lines by words."""
    left, right = (_WORD.findall("".join(lines)) for lines in (one, other))
    if len(left) * len(right) > _MOST_PAIRS:
        return [TextPiece("".join(left), True)], [TextPiece("".join(right), True)]
    blocks = list(_blocks(left, right))
    return (
        [TextPiece("".join(a), not same) for same, a, _ in blocks],
        [TextPiece("".join(b), not same) for same, _, b in blocks],
    )


def _blocks(
    one: Sequence[str], other: Sequence[str]
) -> Iterator[tuple[bool, Sequence[str], Sequence[str]]]:
    """(same, part of one, part of the other) in order; white space at ends does not count."""
    left, right = [part.rstrip() for part in one], [part.rstrip() for part in other]
    for kind, i, j, k, m in SequenceMatcher(None, left, right).get_opcodes():
        yield kind == "equal", one[i:j], other[k:m]


def _joined(pieces: Sequence[TextPiece]) -> Pieces:
    """Pieces that follow one another and are alike, as one; empty ones go."""
    whole: list[TextPiece] = []
    for piece in pieces:
        if whole and whole[-1].marked == piece.marked:
            whole[-1] = TextPiece(whole[-1].text + piece.text, piece.marked)
        elif piece.text:
            whole.append(piece)
    return whole
