"""Lists in JSON: an object or an address a line, or one array of them.

An array may hold arrays whose first names the columns, as the Wayback Machine's CDX server
answers.  It is read piece by piece, so that memory holds one element and not the array.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from pipeline.links.records import BadLineError

_LONGEST = 64 << 20  # characters of one element
_DECODER = json.JSONDecoder(strict=False)
_BETWEEN = " \t\r\n,"


def array_rows(pieces: Iterable[bytes]) -> Iterator[tuple[int, Any]]:
    """(its number, row) of each element of an array; arrays in it get the first one's names.

    Raises BadLineError where an element is no JSON, after which nothing can be told, and where
    the array is not all there is.
    """
    names: list[str] | None = None
    for number, value in enumerate(_elements(_without_bracket(pieces))):
        if not isinstance(value, list):
            yield number, value
        elif names is None:
            names = [str(name) for name in value]
        else:
            yield number, dict(zip(names, value, strict=False))


def _without_bracket(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces behind the bracket that opens the array."""
    source = iter(pieces)
    for piece in source:
        if piece.strip():
            yield piece.lstrip()[1:]
            break
    yield from source


def _elements(pieces: Iterable[bytes]) -> Iterator[Any]:
    """The elements of the array that the pieces of a text are."""
    source, text, start = iter(pieces), "", 0
    while True:
        start = _next_element(text, start)
        if text[start : start + 1] == "]":
            behind = chain([text[start + 1 :]], (piece.decode("latin-1") for piece in source))
            if any(map(str.strip, behind)):
                raise BadLineError("something stands behind its end")
            return
        value, end, failure = _decoded(text, start)
        if end < len(text):
            yield value
            start = end
            continue
        # What is there may be the beginning of a longer element.
        piece = next(source, None)
        if piece is not None and len(text) - start <= _LONGEST:
            text, start = text[start:] + piece.decode("utf-8", "surrogateescape"), 0
        elif text[start:].strip():
            raise BadLineError(failure or "it ends in the middle")
        else:
            return


def _next_element(text: str, position: int) -> int:
    """Where the next element begins, at the start or behind another."""
    while position < len(text) and text[position] in _BETWEEN:
        position += 1
    return position


def _decoded(text: str, position: int) -> tuple[Any, int, str]:
    """(value, where it ends, why there is none); what is no value ends with the text."""
    try:
        value, end = _DECODER.raw_decode(text, position)
    except (json.JSONDecodeError, RecursionError) as error:
        return None, len(text), str(error)
    return value, end, ""
