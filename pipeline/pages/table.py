"""The fetch table: one row for each link, and what an earlier build's rows spare the next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.pages.outcomes import Outcome, is_passing
from pipeline.pages.preferences.preference import Preference
from pipeline.pages.refetch import NO_PATIENCE, WAITING, Patience, Rerun
from pipeline.store import files
from pipeline.store.parquet import batches
from pipeline.store.parts import Part, PartWriter
from pipeline.store.schemas import SCHEMAS, VOLATILE

#: A row of the fetch table.
Row = dict[str, Any]


def blank_row(link_id: str, url: str, outcome: Outcome, origin: str = "") -> Row:
    """The row of a link of which nothing came back; without an origin nobody was asked."""
    return {
        "id": link_id,
        "url": url,
        "final_url": url,
        "outcome": outcome.value,
        "status": None,
        "content_type": "",
        "bytes": 0,
        "digest": "",
        "warc_file": "",
        "warc_offset": -1,
        "fetched_at": 0,
        "robots": "",
        "attempts": 0,
        "error": "",
        "origin": origin,
        "charset": "",
        "charset_by": "",
        **preference_columns(None, 0),
        "builds": 0,
    }


def preference_columns(preference: Preference | None, seen_at: int) -> Row:
    """The columns that hold a preference, and when it was seen (seconds since 1970)."""
    if preference is None:
        return {"preference": "", "preference_where": "", "preference_at": 0}
    return {
        "preference": preference.statement,
        "preference_where": preference.where,
        "preference_at": seen_at,
    }


def write_fetches(
    folder: str, name: str, key: str, rows: Iterable[Row], patience: Patience = NO_PATIENCE
) -> Part:
    """Writes a fetch table, sorted by id, with the counts by outcome and of links that wait."""
    volatile = VOLATILE["fetches"]
    with PartWriter(folder, name, SCHEMAS["fetches"], key, volatile=volatile) as writer:
        for row in sorted(rows, key=lambda row: str(row["id"])):
            if row["outcome"] == Outcome.OK:
                writer.counts.keep()
            else:
                writer.counts.drop(row["outcome"])
            if patience.waits(row):
                writer.extra[WAITING] = writer.extra.get(WAITING, 0) + 1
            writer.add([row])
    return writer.finish()


def chosen_rows(
    path: str, wanted: Collection[str], outcome: Outcome | None = None
) -> Iterator[Row]:
    """The rows of a fetch table whose ids are wanted, of one outcome or of any.

    Only they become objects: each group goes through the tables of all others.
    """
    ids = pa.array(sorted(wanted), pa.string())
    for batch in batches(path):
        chosen = pc.is_in(batch["id"], value_set=ids)
        if outcome is not None:
            chosen = pc.and_(chosen, pc.equal(batch["outcome"], outcome.value))
        yield from batch.filter(chosen).to_pylist()


def fetched_before(
    folder: str,
    earlier: Iterable[str],
    urls: dict[str, str],
    origins: Collection[str],
    rerun: Rerun,
) -> Iterator[tuple[str, Row]]:
    """(id, row) of links that need no fetching: of earlier intervals, or an earlier build.

    `earlier` are the fetch tables of earlier intervals, `urls` the addresses by id.  Rows
    of an earlier build count where they came from one of `origins`, and `rerun` does not
    fetch them again.
    """
    for path in earlier:
        for row in chosen_rows(path, urls, Outcome.OK):
            yield row["id"], blank_row(row["id"], urls[row["id"]], Outcome.SEEN_BEFORE)
    for path in files.listed(folder, "fetches-*.parquet"):
        is_chosen = rerun.chooser(path)
        for row in chosen_rows(path, urls):
            # Tables from before there was the column are of crawls.
            same = row["url"] == urls[row["id"]] and row.get("origin", "web") in origins
            if same and not is_chosen(row):
                blank = blank_row(row["id"], row["url"], Outcome(row["outcome"]))
                yield row["id"], blank | row


class LeftLinks(NamedTuple):
    """What an earlier build left of links: those that it deferred, and how often each was asked."""

    deferred: set[str]
    builds: dict[str, int]


def left_before(folder: str, wanted: Collection[str]) -> LeftLinks:
    """What earlier builds of the interval left of the links of these ids."""
    left = LeftLinks(set(), {})
    for path in files.listed(folder, "fetches-*.parquet"):
        for row in chosen_rows(path, wanted):
            if row["outcome"] == Outcome.DEFERRED:
                left.deferred.add(row["id"])
            if row["outcome"] == Outcome.DEFERRED or is_passing(
                Outcome(row["outcome"]), row["status"]
            ):
                left.builds[row["id"]] = row.get("builds") or 0
    return left
