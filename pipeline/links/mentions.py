"""Step one of the links stage: one source -> scratch files of mentions, sorted by id.

A file is written for each half million mentions, so memory does not grow with the
dump.  Lines that are no records are counted; the first thousand of a source are kept,
cut short and with their offset, in `rejected-*.jsonl` beside the parts, for the
operator to see what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson
import pyarrow as pa

from pipeline.links.api import kept_posts, listing_posts
from pipeline.links.dumps import Block, blocks, lines, linked_lines
from pipeline.links.lists import ListReader, list_format, named_mention, parquet_mentions
from pipeline.links.records import (
    BadLineError,
    Mention,
    Post,
    comment_links,
    parse_comment,
    parse_post,
    parse_posts,
    post_links,
    post_of,
    turned_away,
)
from pipeline.links.settings import RedditApi
from pipeline.store import files
from pipeline.store.addresses import page_id, page_of
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
#: Full names of posts marked as over 18, whose comments do not count either.
THREADS = pa.schema([("id", pa.string())])

_Read = Callable[[bytes], list[Mention]]

_RUN = 500_000  # mentions held in memory and written to one file, some 300 MB
_BATCH = 10_000  # of them as Python's objects at once, some 10 MB
_REJECTED = 1_000  # bad lines kept of one source, each cut to this many bytes


@dataclass(frozen=True)
class SourceFile:
    """One source to read, and how: a file, a subreddit's listing, or posts by name."""

    path: str
    kind: str  # posts | comments | urls | listing | rescore
    number: int
    folder: str
    key: str
    over_18: bool
    accept_cut: bool = False
    api: RedditApi | None = None


def read_source(source: SourceFile) -> list[Part]:
    """Reads one source whole; its scratch files are the parts it returns."""
    done = _finished(source)
    if done is not None:
        return done
    parts: list[Part] = []
    threads = PartWriter(
        source.folder, threads_name(source), THREADS, source.key, fingerprinted=False
    )
    with Progress(source.folder, f"source-{source.number:05d}") as progress, threads:
        reader = Reader(source, progress, threads)
        rows = map(to_row, reader.mentions())
        tables: list[pa.Table] = []
        while batch := list(islice(rows, _BATCH)):
            tables.append(pa.Table.from_pylist(batch, schema=SCHEMA))
            if len(tables) * _BATCH >= _RUN:
                parts.append(_write_run(source, tables, len(parts)))
                tables = []
    parts.append(threads.finish())
    if reader.rejected:
        name = rejected_name(source.number)
        listed = b"".join(orjson.dumps(line) + b"\n" for line in reader.rejected)
        files.write_bytes(files.join(source.folder, name), listed)
        parts.append(file_part(source.folder, name, rows=len(reader.rejected)))
    # The last run is written last of all and carries the numbers: with it the source is done.
    runs = sum(_is_run(part) for part in parts)
    parts.append(_write_run(source, tables, runs, reader.numbers))
    return parts


def rejected_name(number: int) -> str:
    """The file that keeps the bad lines of source `number`."""
    return f"rejected-{number:05d}.jsonl"


def threads_name(source: SourceFile) -> str:
    """The scratch file of the posts over 18 of a source."""
    return f"{WORK}/threads-{source.number:05d}.parquet"


class Reader:
    """The mentions of one source, in its order, with the numbers of what was read."""

    def __init__(self, source: SourceFile, progress: Progress, threads: PartWriter) -> None:
        self._source, self._progress, self._threads = source, progress, threads
        self.numbers = {"lines": 0, "bad_lines": 0, "mentions": 0, "turned_away": 0}
        self.rejected: list[dict[str, Any]] = []

    def mentions(self) -> Iterator[Mention]:
        """One by one, counted."""
        source = self._source
        if source.api is not None:
            found = self._of_api(source.api)
        elif source.kind == "comments":
            found = self._of_comments()
        elif source.kind == "posts":
            found = self._of_posts()
        elif list_format(source.path) == "parquet":
            found = self._of_table()
        else:
            found = self._of_list()
        for mention in found:
            self.numbers["mentions"] += 1
            yield mention

    def _of_comments(self) -> Iterator[Mention]:
        read = 0
        for block in blocks(self._source.path, accept_cut=self._source.accept_cut):
            count, chosen = linked_lines(block)
            self.numbers["lines"] += count
            self.numbers["turned_away"] += count - len(chosen)
            for offset, line in chosen:
                yield from self._try(offset, line, lambda raw: comment_links(parse_comment(raw)))
            self._progress.add(block.packed - read, lines=count)
            read = block.packed

    def _of_posts(self) -> Iterator[Mention]:
        read = 0
        for block in blocks(self._source.path, accept_cut=self._source.accept_cut):
            before = self.numbers["lines"]
            posts = parse_posts(block.data)
            if posts is None:
                yield from self._by_line(block, lambda raw: self._post(parse_post(raw), True))
            else:
                yield from self._of_block(block, posts)
            self._progress.add(block.packed - read, lines=self.numbers["lines"] - before)
            read = block.packed

    def _of_block(self, block: Block, posts: list[Post]) -> Iterator[Mention]:
        cut: list[tuple[int, bytes]] = []
        self.numbers["lines"] += len(posts)
        for place, post in enumerate(posts):
            try:
                yield from self._post(post, True)
            except BadLineError as error:
                cut = cut or list(lines(block))
                self._reject(*cut[place], str(error))

    def _by_line(self, block: Block, read: _Read) -> Iterator[Mention]:
        for offset, line in lines(block):
            self.numbers["lines"] += 1
            yield from self._try(offset, line, read)

    def _of_list(self) -> Iterator[Mention]:
        reader, read = ListReader(self._source.path), 0
        for block in blocks(self._source.path):
            yield from self._by_line(block, reader.read)
            self._progress.add(block.packed - read)
            read = block.packed

    def _of_table(self) -> Iterator[Mention]:
        for number, row in enumerate(parquet_mentions(self._source.path)):
            self.numbers["lines"] += 1
            try:
                yield named_mention(row)
            except BadLineError as error:
                self._reject(number, b"", str(error))
        self._progress.add(files.size(self._source.path))

    def _of_api(self, api: RedditApi) -> Iterator[Mention]:
        if self._source.kind == "listing":
            posts = listing_posts(api, self._source.path)
        else:
            names = files.read_bytes(self._source.path).decode().split()
            answers = files.join(self._source.folder, f"{WORK}/answers-{self._source.number:05d}")
            posts = kept_posts(api.site, list(dict.fromkeys(names)), answers)
        for number, row in enumerate(posts):
            self.numbers["lines"] += 1
            self._progress.add(0, posts=1)
            try:
                yield from self._post(post_of(row), False)
            except BadLineError as error:
                self._reject(number, b"", str(error))

    def _post(self, post: Post, escaped: bool) -> list[Mention]:
        reason = turned_away(post, self._source.over_18)
        if reason is None:
            return post_links(post, escaped=escaped)
        self.numbers["turned_away"] += 1
        self.numbers[f"posts_{reason}"] = self.numbers.get(f"posts_{reason}", 0) + 1
        if reason == "over_18":
            self._threads.add([{"id": f"t3_{post.id}"}])
        return []

    def _try(self, offset: int, line: bytes, read: _Read) -> list[Mention]:
        try:
            return read(line)
        except BadLineError as error:
            self._reject(offset, line, str(error))
            return []

    def _reject(self, offset: int, line: bytes, error: str) -> None:
        self.numbers["bad_lines"] += 1
        if len(self.rejected) < _REJECTED:
            said = {"file": self._source.path.rsplit("/", 1)[-1], "offset": offset}
            kept = line[:_REJECTED].decode("utf-8", "backslashreplace")
            self.rejected.append(said | {"error": error, "bytes": len(line), "line": kept})


def to_row(mention: Mention) -> dict[str, Any]:
    """A mention with its page's address, key and id."""
    posted = mention.url
    if posted.startswith(("/r/", "/u/", "/user/")):
        posted = f"https://www.reddit.com{posted}"
    url, key, host = page_of(posted) or ("", posted.strip(), "")
    return {
        "id": page_id(key),
        "key": key,
        "url": url,
        "host": host,
        "kind": mention.kind,
        "reddit_id": mention.reddit_id,
        "subreddit": mention.subreddit,
        "score": mention.score,
        "created": mention.created,
        "thread": mention.thread,
    }


def _run_name(source: SourceFile, run: int) -> str:
    return f"{WORK}/mentions-{source.number:05d}-{run:05d}.parquet"


def _is_run(part: Part) -> bool:
    return part.file is not None and part.file.name.startswith(f"{WORK}/mentions-")


def _write_run(
    source: SourceFile,
    tables: list[pa.Table],
    run: int,
    numbers: dict[str, int] | None = None,
) -> Part:
    """Writes the mentions of tables, sorted; with `numbers` it is the last run of its source."""
    table = pa.concat_tables([SCHEMA.empty_table(), *tables])
    order = [(name, "ascending") for name in ("id", "url", "reddit_id", "kind")]
    writer = PartWriter(
        source.folder, _run_name(source, run), SCHEMA, source.key, fingerprinted=False
    )
    with writer:
        writer.add(table.sort_by(order))
        if numbers is not None:
            writer.extra.update(numbers, source_files=1)
    return writer.finish()


def _finished(source: SourceFile) -> list[Part] | None:
    """The parts of a source that was read whole before."""
    threads = finished_part(source.folder, threads_name(source), source.key)
    parts: list[Part] = [threads] if threads else []
    run = 0
    while threads and (part := finished_part(source.folder, _run_name(source, run), source.key)):
        run += 1
        parts.append(part)
        if "source_files" in part.extra:
            if part.extra.get("bad_lines"):
                rejected = rejected_name(source.number)
                kept = min(part.extra["bad_lines"], _REJECTED)
                parts.append(file_part(source.folder, rejected, rows=kept))
            return parts
    return None
