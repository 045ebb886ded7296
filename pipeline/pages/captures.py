"""Captures of our links in somebody's archive: which there are, and which is taken.

Both Common Crawl and the Wayback Machine hold a page at many dates.  The one nearest to
the day of the link is what was linked to; a link without a date gets the newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.store.parquet import batches, read_rows


class Spot(NamedTuple):
    """A capture of a page: when it was made, and where it lies."""

    date: int  # seconds since 1970
    url: str
    digest: str  # SHA-1 of the body in base 32, as the archive's index gives it
    file: str = ""
    offset: int = 0
    length: int = 0


class Dated(NamedTuple):
    """A link with the second when it was first posted, 0 where that is not known."""

    id: str
    url: str
    first_seen: int


def nearest(spots: Iterable[Spot], when: int) -> Spot | None:
    """The capture nearest in time, the newest for `when` = 0; by address and place in a tie."""
    return min(
        spots,
        key=lambda spot: (abs(spot.date - when) if when else -spot.date, *spot[1:]),
        default=None,
    )


def dated_links(path: str) -> Iterator[Dated]:
    """The links of one part of the links stage."""
    for row in read_rows(path, ["id", "url", "first_seen"]):
        yield Dated(row["id"], row["url"], row["first_seen"] or 0)


def first_seen(paths: Iterable[str], ids: Iterable[str]) -> dict[str, int]:
    """When each of some links was first posted; `paths` are parts of the links stage."""
    days: dict[str, int] = {}
    wanted = pa.array(sorted(ids), pa.string())
    for path in paths:
        for batch in batches(path, ["id", "first_seen"]):
            kept = batch.filter(pc.is_in(batch["id"], wanted))
            days |= zip(kept["id"].to_pylist(), kept["first_seen"].to_pylist(), strict=True)
    return {identity: seconds or 0 for identity, seconds in days.items()}
