"""Scripts without spaces between words: which they are, and words of texts in any script.

Chinese, Japanese, Thai, Lao, Khmer and Burmese put no spaces between words.  There are two ways to
words all the same, and neither is a segmentation:

- For counts, runs are cut into pieces of the usual length of a word: two characters of Han and
  kana, five of the others, whose vowels and tones are characters too.
- For comparisons, each character is a word by itself.

Code points by Unicode 16, Blocks.txt: planes 2 and 3 are set aside for Han.
"""

from __future__ import annotations

import re

#: First and last code points: radicals and marks of iteration, kana, Han with its extensions.
_HAN_KANA = (
    (0x2E80, 0x2FDF),
    (0x3005, 0x3007),
    (0x3040, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
#: Thai and Lao, Burmese, Khmer, and the two extensions of Burmese.
_SOUTH_EAST = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0xA9E0, 0xA9FF),
    (0xAA60, 0xAA7F),
)
#: First and last code points of all these scripts.
UNSPACED = _HAN_KANA + _SOUTH_EAST
#: Characters of a word.
HAN_KANA_WORD, SOUTH_EAST_WORD = 2, 5


def _in_class(ranges: tuple[tuple[int, int], ...]) -> str:
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


_ASCII = bytes(range(128))
#: A space for each byte of white space in ASCII, an x for all others.
_MARKED = bytes(ord(" ") if chr(code).isspace() else ord("x") for code in _ASCII) + b"x" * 128
_UNSPACED = re.compile(f"[{_in_class(UNSPACED)}]")
_SPACE_OR_UNSPACED = re.compile(rf"[\s{_in_class(UNSPACED)}]")
#: Pieces of unspaced scripts, and all other runs without white space.
_PIECE = re.compile(
    rf"[{_in_class(_HAN_KANA)}]{{1,{HAN_KANA_WORD}}}"
    rf"|[{_in_class(_SOUTH_EAST)}]{{1,{SOUTH_EAST_WORD}}}"
    rf"|[^\s{_in_class(UNSPACED)}]+"
)
_CHARACTER = re.compile(rf"[{_in_class(UNSPACED)}]|[^\s{_in_class(UNSPACED)}]+")


def _has_unspaced(text: str) -> bool:
    """Whether a text has a character of a script without spaces."""
    return not text.isascii() and _UNSPACED.search(_others(text)) is not None


def _others(text: str) -> str:
    """The characters of a text that are not ASCII: of most texts a few quotation marks.

    What is ASCII is taken out in a pass in C.
    """
    others = text.encode("utf-8", "surrogatepass").translate(None, _ASCII)
    return others.decode("utf-8", "surrogatepass")


def is_unspaced(character: str) -> bool:
    """True for a character of a script without spaces."""
    return _UNSPACED.match(character) is not None


def count_unspaced(text: str) -> int:
    """How many characters of a text are of a script without spaces."""
    return 0 if text.isascii() else len(_UNSPACED.findall(text))


def split_words(text: str) -> list[str]:
    """The words of a text, in order, with pieces of runs without spaces."""
    if not _has_unspaced(text):
        return text.split()
    return _PIECE.findall(text)


def count_words(text: str) -> int:
    """How many words a text has, by `split_words`."""
    if not text.isascii() and _SPACE_OR_UNSPACED.search(_others(text)):
        return len(split_words(text))
    # Where words begin, in two passes in C.
    marked = text.encode("utf-8", "surrogatepass").translate(_MARKED)
    return marked.count(b" x") + marked.startswith(b"x")


def has_words(text: str, least: float) -> bool:
    """Whether a text has so many words; they are counted no further."""
    # Runs without spaces have more words than white space tells, never fewer.
    return len(text.split(None, int(least))) > least or count_words(text) >= least


def words_and_characters(text: str) -> list[str]:
    """The words of a text by white space; each character without spaces is a word by itself."""
    return text.split() if text.isascii() else _CHARACTER.findall(text)
