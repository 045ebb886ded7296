"""Reading of the links stage: one item of a source -> scratch files of mentions, sorted by id.

A file is written for each half million mentions, so memory does not grow with the
dump.  Lines that are no records are counted; the first thousand of a source are kept,
cut short and with their offset, in `rejected-*.jsonl` beside the parts, for the
operator to see what they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.links.audit import MONTHS, SOURCES, rejected_name
from pipeline.links.read_log import THREADS, ReadLog, kept_of
from pipeline.links.records import MENTION_KINDS, Mention
from pipeline.links.sources import SourceItem
from pipeline.store import files
from pipeline.store.addresses import page_id, page_of
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import WORK
from pipeline.store.parts import Part, PartWriter, file_part, finished_part
from pipeline.store.progress import Progress

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("key", pa.string()),
        ("url", pa.string()),  # the repaired address; empty when it cannot be one
        ("host", pa.string()),
        ("kind", pa.string()),
        ("reddit_id", pa.string()),
        ("subreddit", pa.string()),
        ("score", pa.int64()),  # null for a list without scores
        ("created", pa.int64()),
        ("thread", pa.string()),  # the post that a comment belongs to; else empty
    ]
)
_RUN = 500_000  # mentions held in memory and written to one file, some 300 MB
_BATCH = 10_000  # of them as Python's objects at once, some 10 MB


@dataclass(frozen=True)
class SourceUnit:
    """One item of a source to read, the `number`-th of the recipe."""

    item: SourceItem
    number: int
    folder: str
    key: str
    over_18: bool
    crossposts: bool = True


def read_source(unit: SourceUnit) -> list[Part]:
    """Reads one item whole; its scratch files are the parts it returns."""
    done = _finished(unit)
    if done is not None:
        return done
    parts: list[Part] = []
    threads = PartWriter(unit.folder, threads_name(unit), THREADS, unit.key, fingerprinted=False)
    with Progress(unit.folder, f"source-{unit.number:05d}") as progress, threads:
        log = open_log(unit, progress, threads)
        mentions = counted_mentions(unit.item, log)
        tables: list[pa.Table] = []
        while batch := list(islice(mentions, _BATCH)):
            table = _table(batch)
            log.numbers["no_address"] += pc.sum(pc.equal(table["url"], "")).as_py() or 0
            tables.append(table)
            if len(tables) * _BATCH >= _RUN:
                parts.append(_write_run(unit, tables, len(parts)))
                tables = []
    parts.append(threads.finish())
    if log.rejected:
        name = rejected_name(unit.number)
        listed = b"".join(orjson.dumps(line) + b"\n" for line in log.rejected)
        files.write_bytes(files.join(unit.folder, name), listed)
        parts.append(file_part(unit.folder, name, rows=len(log.rejected)))
    # The last run is written last of all and carries the numbers: with it the item is done.
    runs = sum(_is_run(part) for part in parts)
    parts.append(_write_run(unit, tables, runs, log))
    return parts


def open_log(unit: SourceUnit, progress: Progress, threads: PartWriter) -> ReadLog:
    """The account of an item, from 0."""
    scratch = files.join(unit.folder, f"{WORK}/answers-{unit.number:05d}")
    name = files.name_of(unit.item.path)
    crossposts = unit.crossposts
    return ReadLog(name, unit.over_18, scratch, progress, threads, crossposts=crossposts)


def counted_mentions(item: SourceItem, log: ReadLog) -> Iterator[Mention]:
    """The mentions of an item; WebtextError for one of a kind that no rule knows."""
    counted = 0
    try:
        for mention in item.source.mentions(item, log):
            if mention.kind not in MENTION_KINDS:
                raise WebtextError(
                    f"Source {item.source.kind} gives a mention of kind {mention.kind!r}: "
                    f"{item.name}",
                    f"Its class must give one of: {', '.join(MENTION_KINDS)}",
                )
            counted += 1
            yield mention
    finally:
        log.numbers["mentions"] += counted
    log.refuse_if_all_bad(item.path)


def threads_name(unit: SourceUnit) -> str:
    """The scratch file of the posts over 18 of a source."""
    return f"{WORK}/threads-{unit.number:05d}.parquet"


def to_row(mention: Mention) -> dict[str, Any]:
    """A mention with its page's address, key and id."""
    return dict(zip(SCHEMA.names, _values(mention), strict=True))


def _values(mention: Mention) -> tuple[Any, ...]:
    """The values of a mention's row, in the order of `SCHEMA`."""
    posted = mention.url
    if posted.startswith(("/r/", "/u/", "/user/")):
        posted = f"https://www.reddit.com{posted}"
    url, key, host = page_of(posted) or ("", posted.strip(), "")
    return (
        page_id(key),
        key,
        url,
        host,
        mention.kind,
        mention.reddit_id,
        mention.subreddit,
        mention.score,
        mention.created,
        mention.thread,
    )


def _table(mentions: list[Mention]) -> pa.Table:
    columns = zip(*map(_values, mentions), strict=True)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, SCHEMA.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _run_name(unit: SourceUnit, run: int) -> str:
    return f"{WORK}/mentions-{unit.number:05d}-{run:05d}.parquet"


def _is_run(part: Part) -> bool:
    return part.file is not None and part.file.name.startswith(f"{WORK}/mentions-")


def _write_run(
    unit: SourceUnit,
    tables: list[pa.Table],
    run: int,
    log: ReadLog | None = None,
) -> Part:
    """Writes the mentions of tables, sorted; with `log` it is the last run of its source."""
    table = pa.concat_tables([SCHEMA.empty_table(), *tables])
    order = [(name, "ascending") for name in ("id", "url", "reddit_id", "kind")]
    writer = PartWriter(unit.folder, _run_name(unit, run), SCHEMA, unit.key, fingerprinted=False)
    with writer:
        writer.add(table.sort_by(order))
        if log is not None:
            writer.extra.update(log.numbers, source_files=1)
            writer.audit = {SOURCES: {unit.item.name: log.source_row()}, MONTHS: log.month_rows()}
    return writer.finish()


def _finished(unit: SourceUnit) -> list[Part] | None:
    """The parts of a source that was read whole before."""
    threads = finished_part(unit.folder, threads_name(unit), unit.key)
    parts: list[Part] = [threads] if threads else []
    run = 0
    while threads and (part := finished_part(unit.folder, _run_name(unit, run), unit.key)):
        run += 1
        parts.append(part)
        if "source_files" in part.extra:
            if part.extra.get("bad_lines"):
                rejected = rejected_name(unit.number)
                kept = kept_of(part.extra["bad_lines"])
                parts.append(file_part(unit.folder, rejected, rows=kept))
            return parts
    return None
