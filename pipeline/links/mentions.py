"""Step one of the links stage: one source file -> scratch files of mentions, sorted by id.

A file is written for each half million mentions, so memory does not grow with the
dump.  Lines that are no records are counted and kept as they are, with their
offset, in a scratch-free file `rejected-*.jsonl` beside the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from pipeline import files
from pipeline.corpus import WORK, page_id
from pipeline.links.dumps import BadLineError, Mention, comment_mentions, lines, may_link
from pipeline.links.dumps import post_mentions as read_post
from pipeline.links.urls import canonical_key, host_of, repair
from pipeline.parts import Part, PartWriter, file_part, finished_part
from pipeline.progress import Progress

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
    ]
)
_RUN = 500_000  # mentions held in memory and written to one file, some 300 MB
_REJECTED = 1_000  # bad lines kept of one file, each cut to this many bytes


@dataclass(frozen=True)
class SourceFile:
    """One file to read, and how."""

    path: str
    kind: str  # posts | comments | urls
    number: int
    folder: str
    key: str
    over_18: bool


def read_source(source: SourceFile) -> list[Part]:
    """Reads one source file whole; its scratch files are the parts it returns."""
    done = _finished(source)
    if done is not None:
        return done
    reader = _Reader(source)
    rows: list[dict[str, Any]] = []
    parts: list[Part] = []
    with Progress(source.folder, f"source-{source.number:05d}") as progress:
        for row in reader.rows(progress):
            rows.append(row)
            if len(rows) >= _RUN:
                parts.append(_write_run(source, rows, len(parts)))
                rows = []
    # The last run carries the numbers of the whole file and says that it is the last.
    parts.append(_write_run(source, rows, len(parts), reader.numbers))
    if reader.rejected:
        name = rejected_name(source.number)
        listed = b"".join(orjson.dumps(line) + b"\n" for line in reader.rejected)
        files.write_bytes(files.join(source.folder, name), listed)
        parts.append(file_part(source.folder, name, rows=len(reader.rejected)))
    return parts


def rejected_name(number: int) -> str:
    """The file that keeps the bad lines of source file `number`."""
    return f"rejected-{number:05d}.jsonl"


class _Reader:
    """The mentions of one source file, with the numbers of what was read."""

    def __init__(self, source: SourceFile) -> None:
        self._source = source
        self.numbers = {"lines": 0, "bad_lines": 0, "mentions": 0}
        self.rejected: list[dict[str, Any]] = []

    def rows(self, progress: Progress) -> Iterator[dict[str, Any]]:
        """One row a mention, in the order of the file."""
        read = self._parser()
        last = 0
        for offset, line in lines(self._source.path):
            self.numbers["lines"] += 1
            if self.numbers["lines"] % 1000 == 0:
                progress.add(offset - last)
                last = offset
            try:
                for mention in read(line):
                    self.numbers["mentions"] += 1
                    yield to_row(mention)
            except BadLineError as error:
                self._reject(offset, line, str(error))
        progress.add(0, lines=self.numbers["lines"], mentions=self.numbers["mentions"])

    def _parser(self) -> Callable[[bytes], Iterable[Mention]]:
        if self._source.kind == "posts":
            return lambda line: read_post(line, self._source.over_18)
        if self._source.kind == "comments":
            return lambda line: comment_mentions(line) if may_link(line) else ()
        return _listed

    def _reject(self, offset: int, line: bytes, error: str) -> None:
        self.numbers["bad_lines"] += 1
        if len(self.rejected) < _REJECTED:
            kept = line[:_REJECTED].decode("utf-8", "backslashreplace")
            said = {"file": self._source.path.rsplit("/", 1)[-1], "offset": offset}
            self.rejected.append(said | {"error": error, "line": kept})


def _listed(line: bytes) -> Iterator[Mention]:
    """A line of a url list: the address and, after a tab, a score."""
    try:
        url, _, score = line.decode().strip().partition("\t")
        yield Mention(url, "list", "", "", int(score) if score else -1, 0)
    except ValueError as error:
        raise BadLineError(str(error)) from None


def to_row(mention: Mention) -> dict[str, Any]:
    """A mention with its page's address, key and id."""
    posted = mention.url
    if posted.startswith(("/r/", "/u/", "/user/")):
        posted = f"https://www.reddit.com{posted}"
    url = repair(posted) or ""
    key = canonical_key(url) if url else posted.strip()
    unscored = mention.kind == "list" and mention.score < 0
    return {
        "id": page_id(key),
        "key": key,
        "url": url,
        "host": host_of(url) if url else "",
        "kind": mention.kind,
        "reddit_id": mention.reddit_id,
        "subreddit": mention.subreddit,
        "score": None if unscored else mention.score,
        "created": mention.created,
    }


def _run_name(source: SourceFile, run: int) -> str:
    return f"{WORK}/mentions-{source.number:05d}-{run:05d}.parquet"


def _write_run(
    source: SourceFile,
    rows: list[dict[str, Any]],
    run: int,
    numbers: dict[str, int] | None = None,
) -> Part:
    """Writes sorted rows; with `numbers` it is the last run of its file."""
    rows.sort(key=lambda row: (row["id"], row["url"], row["reddit_id"]))
    writer = PartWriter(source.folder, _run_name(source, run), SCHEMA, source.key, said=False)
    with writer:
        writer.add(rows)
        if numbers is not None:
            writer.extra.update(numbers, source_files=1)
    assert writer.part is not None
    return writer.part


def _finished(source: SourceFile) -> list[Part] | None:
    """The parts of a source file that was read whole before."""
    parts: list[Part] = []
    while part := finished_part(source.folder, _run_name(source, len(parts)), source.key):
        parts.append(part)
        if "source_files" in part.extra:
            rejected = rejected_name(source.number)
            if part.extra.get("bad_lines"):
                parts.append(file_part(source.folder, rejected))
            return parts
    return None
