"""Lines that repeat across a host's pages: footers, banners and menus that extraction left.

A long line that stands on more than a share of a host's pages says nothing about any one of
them.  Short lines are left: headings such as "See also" repeat and yet belong to the text.
The quality stage finds such lines (`pipeline/quality/lines.py`) and says which spans of which
text go (`pipeline/store/cuts.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import pyarrow as pa

from pipeline.store.cuts import Span, joined
from pipeline.store.unspaced import count_unspaced

NO_LINES: frozenset[bytes] = frozenset()

#: One row a repeated line: its hash in hex, how many of the sampled pages have it, one of them.
HOST_LINES = pa.schema(
    [
        ("host", pa.string()),
        ("line", pa.string()),
        ("pages", pa.int64()),
        ("sampled", pa.int64()),
        ("id", pa.string()),
    ]
)


def line_hash(line: str) -> bytes:
    """64 bits of a line without the white space around it."""
    return hashlib.blake2b(line.strip().encode("utf-8", "replace"), digest_size=8).digest()


def is_long(line: str, words: int, characters: int) -> bool:
    """True for a line of enough words, or of enough characters of a script without spaces."""
    return len(line.split(None, words)) >= words or count_unspaced(line) >= characters


def long_lines(text: str, words: int, characters: int) -> dict[bytes, int]:
    """{hash: characters} of a page's long lines, each once, in their order."""
    lines = dict.fromkeys(map(str.strip, text.splitlines()))
    return {line_hash(line): len(line) for line in lines if is_long(line, words, characters)}


def count_characters(text: str) -> int:
    """Characters of a text without the white space around its lines."""
    return sum(len(line.strip()) for line in text.splitlines())


@dataclass(frozen=True)
class Repeated:
    """What of a text repeats across its host: spans with the blanks around them, lines, share."""

    spans: list[Span]
    lines: int
    #: Of the characters of the text; 1 for a text of such lines alone.
    share: float


def find_repeated(text: str, lines: Collection[bytes]) -> Repeated:
    """Where a text has lines whose hashes are in `lines`.

    Of the blank lines around one that goes, one stays, and none at the ends of the text.
    """
    if not lines:
        return Repeated([], 0, 0.0)
    spans: list[Span] = []
    count = repeated = whole = kept_until = 0
    after_blank, after_repeated = True, False
    for start, stop, line, end in _lines_of(text):
        whole += len(line)
        if line and line_hash(line) in lines:
            spans.append((start, stop))
            count, repeated, after_repeated = count + 1, repeated + len(line), True
        elif not line and after_repeated and after_blank:
            spans.append((start, stop))
        else:
            kept_until = end if line else kept_until
            after_blank, after_repeated = not line, False
    if count:
        spans.append((kept_until, len(text)))
    return Repeated(joined(spans) if count else [], count, repeated / max(whole, 1))


def _lines_of(text: str) -> Iterator[tuple[int, int, str, int]]:
    """(first character, first of the next line, the line stripped, its end without white space)."""
    start = 0
    for line in text.splitlines(keepends=True):
        stop = start + len(line)
        yield start, stop, line.strip(), start + len(line.rstrip())
        start = stop
