"""The fetch table: one row for each link, and what an earlier build's rows spare the next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.pages.outcomes import Outcome
from pipeline.pages.refetch import Rerun
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
    }


def write_fetches(folder: str, name: str, key: str, rows: Iterable[Row]) -> Part:
    """Writes a fetch table, sorted by id, with the counts by outcome."""
    volatile = VOLATILE["fetches"]
    with PartWriter(folder, name, SCHEMAS["fetches"], key, volatile=volatile) as writer:
        for row in sorted(rows, key=lambda row: str(row["id"])):
            if row["outcome"] == Outcome.OK:
                writer.counts.keep()
            else:
                writer.counts.drop(row["outcome"])
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
        again = rerun.again_of(path)
        for row in chosen_rows(path, urls):
            # Tables from before there was the column are of crawls.
            same = row["url"] == urls[row["id"]] and row.get("origin", "web") in origins
            if same and row["outcome"] not in again:
                yield row["id"], row


def deferred_before(folder: str, wanted: Collection[str]) -> set[str]:
    """The ids that an earlier build of the interval did not reach."""
    return {
        row["id"]
        for path in files.listed(folder, "fetches-*.parquet")
        for row in chosen_rows(path, wanted, Outcome.DEFERRED)
    }
