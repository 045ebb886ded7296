"""What of a document's text is left out of the corpus, as spans of its characters.

The documents table has the whole text.  Tables of cuts lie beside what decided them, one for each
part of documents, with the same number; whoever measures, compares or writes a text applies them
with `without`.  So all do it alike, and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from pipeline.store.parquet import batches

#: A span: the first character that goes, and the first that stays again.
Span = tuple[int, int]
Places = npt.NDArray[np.int64]

_COLUMNS = ("id", "start", "stop")


def without(text: str, spans: Iterable[Span]) -> str:
    """A text without some spans, given in order."""
    kept, end = [], 0
    for start, stop in spans:
        kept.append(text[end:start])
        end = stop
    return "".join(kept) + text[end:]


def original_span(span: Span, cuts: Sequence[Span]) -> Span:
    """Where the characters of a span of `without(text, cuts)` stand in the text itself."""
    first, last = original_places(np.array([span[0], span[1] - 1]), cuts).tolist()
    return first, last + 1


def original_places(places: Places, cuts: Sequence[Span]) -> Places:
    """Where some characters of `without(text, cuts)` stand in the text itself."""
    spans = np.array(cuts, np.int64).reshape(-1, 2)
    lengths = np.concatenate([[0], np.cumsum(spans[:, 1] - spans[:, 0])])
    behind = spans[:, 0] - lengths[:-1]
    moved: Places = places + lengths[np.searchsorted(behind, places, "right")]
    return moved


def are_within(places: Places, spans: Sequence[Span]) -> npt.NDArray[np.bool_]:
    """Which characters stand in one of some spans, given in order."""
    starts, stops = np.array([(-1, -1), *spans], np.int64).T
    inside: npt.NDArray[np.bool_] = places < stops[np.searchsorted(starts, places, "right") - 1]
    return inside


def joined(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that overlap or touch as one; empty ones go."""
    wider: list[Span] = []
    for start, stop in sorted(spans):
        if start == stop:
            continue
        if wider and start <= wider[-1][1]:
            wider[-1] = wider[-1][0], max(stop, wider[-1][1])
        else:
            wider.append((start, stop))
    return wider


def read_cuts(paths: Sequence[str]) -> dict[str, list[Span]]:
    """The spans of each document of a part, from its tables of cuts, joined."""
    cuts: dict[str, list[Span]] = {}
    for path in paths:
        for rows in batches(path, _COLUMNS):
            ids, starts, stops = (rows[name].to_pylist() for name in _COLUMNS)
            for page, start, stop in zip(ids, starts, stops, strict=True):
                cuts.setdefault(page, []).append((start, stop))
    return {page: joined(spans) for page, spans in cuts.items()}
