"""The memory of a crawl: archive segments and journal, safe against `kill -9` and power cuts.

A finished page is first appended to the archive and flushed, then its line to the
journal.  After a kill both may have a torn tail; `recover` says how much of them can
be used, and the rest is cut away.  What was in flight is fetched again; nothing else is.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

from pipeline.pages.outcomes import Outcome
from pipeline.pages.records import Record
from pipeline.pages.recover import supported, whole_lines, whole_members
from pipeline.store import files, warc
from pipeline.store.errors import FullDiskError
from pipeline.store.manifest import WORK

#: Columns of a journal line that are no columns of the fetch table: where the archive
#: ended, the content encoding of the page, and what the outcome hangs on (`again.terms`).
_END, _ENCODING, _TERMS = "archive_end", "content_encoding", "terms"
_EXTRA = frozenset({_END, _ENCODING, _TERMS})
_ENCODED = re.compile(rb"\r\ncontent-encoding:[ \t]*([^\r\n]*)", re.I)
#: Most that a power cut can cost.  A kill costs less: the kernel keeps what was written.
_SYNC_SECONDS = 30.0


class _First(NamedTuple):
    """The record that holds a body, for those that come after with the same."""

    file: str
    offset: int
    url: str
    date: int


class Journal:
    """Archive and journal of one group of pages; use as a context manager.

    `folder` is the stage's, `name` the group's; segments are called
    `NAME-000.warc.gz` and appear in the folder when they are closed, which happens
    when they are larger than `segment_bytes` or open for longer than `segment_seconds`.
    A second process that opens the same journal waits until the first is done.  Lines that
    a run before left count where `terms` says the same of their outcome as it said then.
    """

    def __init__(
        self,
        folder: str,
        name: str,
        segment_bytes: int,
        segment_seconds: float = float("inf"),
        *,
        terms: Callable[[str], str] = lambda outcome: "",
    ) -> None:
        self._folder, self._name = folder, name
        self._segment_bytes, self._segment_seconds = segment_bytes, segment_seconds
        self._terms = terms
        self._scratch = Path(files.local_scratch(folder)) / WORK
        self._journal = self._scratch / f"{name}.jsonl"
        #: Ids of the links that are logged.
        self.logged: set[str] = set()
        self._firsts: dict[tuple[str, str], _First] = {}

    def __enter__(self) -> Journal:
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._log: IO[bytes] = self._journal.open("ab")
        fcntl.flock(self._log, fcntl.LOCK_EX)
        self._recover()
        self._synced = time.monotonic()
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        for stream in (self._archive, self._log):
            try:
                stream.close()
            except OSError as error:
                # On a full disk closing fails as writing did, and the first error says it all.
                if kind is None:
                    raise _full(error, self._journal) from error

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(id, row) of all that is logged and holds; the last of an id counts.

        They are read from the disk: a crawl holds many journals open.
        """
        self._flush(self._log)
        for line in whole_lines(self._journal):
            row = line.row
            if row["id"] in self.logged and row[_TERMS] == self._terms(row["outcome"]):
                yield row["id"], {name: row[name] for name in row if name not in _EXTRA}

    def page(
        self, row: dict[str, Any], records: Sequence[Record], redirects: Sequence[Record] = ()
    ) -> None:
        """Archives a page and logs its row; the first of `records` is the response.

        A body that this group has already is not stored twice: the row points to the
        first, and a revisit record refers to it.  `redirects` go before the page.
        """
        for hop in redirects:
            self._append_record(hop)
        response = records[0]
        head = response.block[: response.block.index(b"\r\n\r\n") + 4]
        match = _ENCODED.search(head)
        encoding = match[1].decode("latin-1").strip().lower() if match else ""
        first = self._firsts.get((row["digest"], encoding))
        if first is None:
            self._locate(row, encoding)
            # A body that came compressed gains nothing from being compressed again.
            self._append_record(response, 0 if encoding else 6)
        else:
            row["warc_file"], row["warc_offset"] = first.file, first.offset
            self._append_record(_revisit(response.fields, head, first))
        self._finish_page(row, records[1:], encoding)

    def copied_page(self, row: dict[str, Any], member: bytes, records: Sequence[Record]) -> None:
        """Archives a page whose record, one gzip member, is taken over as it is."""
        self._locate(row, "")
        self._append(member)
        self._finish_page(row, records, "")

    def log(self, row: dict[str, Any]) -> None:
        """Logs the row of a link that ended without a page."""
        self._write_line(row, "")

    def finish(self) -> list[str]:
        """Closes the last segment; returns the names of all segments of the group."""
        if self._archive.tell() > self._first:
            self._close_segment()
        self._archive.close()
        self._open_path.unlink(missing_ok=True)
        return sorted(
            files.name_of(path) for path in files.listed(self._folder, f"{self._name}-*.warc.gz")
        )

    def _locate(self, row: dict[str, Any], encoding: str) -> None:
        row["warc_file"], row["warc_offset"] = self._segment_name(), self._archive.tell()
        self._remember(row, encoding)

    def _remember(self, row: dict[str, Any], encoding: str) -> None:
        first = _First(row["warc_file"], row["warc_offset"], row["final_url"], row["fetched_at"])
        self._firsts.setdefault((row["digest"], encoding), first)

    def _finish_page(self, row: dict[str, Any], records: Sequence[Record], encoding: str) -> None:
        for record in records:
            self._append_record(record)
        self._write_line(row, encoding)

    def _write_line(self, row: dict[str, Any], encoding: str) -> None:
        self.logged.add(row["id"])
        self._flush(self._archive)
        extra = {
            _END: [self._segment, self._archive.tell()],
            _ENCODING: encoding,
            _TERMS: self._terms(row["outcome"]),
        }
        self._log.write(orjson.dumps(row | extra) + b"\n")
        self._flush(self._log)
        now = time.monotonic()
        full = self._archive.tell() > self._segment_bytes
        old = now - self._opened > self._segment_seconds and self._archive.tell() > self._first
        if full or old:
            self._close_segment()
        elif now - self._synced > _SYNC_SECONDS:
            self._sync()

    def _segment_name(self) -> str:
        return f"{self._name}-{self._segment:03d}.warc.gz"

    @property
    def _open_path(self) -> Path:
        return self._scratch / self._segment_name()

    def _append_record(self, record: Record, level: int = 6) -> None:
        fields = record.fields | {"WARC-Warcinfo-ID": self._warcinfo}
        self._append(warc.record(record.kind, fields, record.block, level))

    def _append(self, data: bytes) -> None:
        try:
            self._archive.write(data)
        except OSError as error:
            raise _full(error, self._open_path) from error

    def _flush(self, stream: IO[bytes]) -> None:
        try:
            stream.flush()
        except OSError as error:
            raise _full(error, self._journal) from error

    def _sync(self) -> None:
        """To the disk itself, the archive first: the journal must not run ahead of it."""
        for stream in (self._archive, self._log):
            self._flush(stream)
            os.fsync(stream.fileno())
        self._synced = time.monotonic()

    def _close_segment(self) -> None:
        self._sync()
        self._archive.close()
        files.publish(str(self._open_path), files.join(self._folder, self._segment_name()))
        self._segment += 1
        self._open_segment()

    def _open_segment(self) -> None:
        self._archive: IO[bytes] = self._open_path.open("ab")
        self._opened = time.monotonic()
        if self._archive.tell() == 0:
            self._warcinfo, data = warc.warcinfo(self._segment_name(), time.time())
            self._first = self._archive.write(data)
        else:
            self._warcinfo, self._first = _first_id(self._open_path), 1

    def _recover(self) -> None:
        """Takes over what a run before left, cuts the rest, opens the segment to go on with."""
        closed = self._closed_sizes()
        self._segment = max(closed, default=-1) + 1
        readable = whole_members(self._open_path)

        def whole(segment: int) -> int:
            return readable if segment == self._segment else closed.get(segment, -1)

        stop, end = 0, [self._segment, 0]
        for line in supported(whole_lines(self._journal), _END, whole):
            stop, row = line.stop, line.row
            end, encoding = row.pop(_END), row.pop(_ENCODING)
            if row.pop(_TERMS, "") != self._terms(row["outcome"]):
                continue
            self.logged.add(row["id"])
            if row["outcome"] == Outcome.OK:
                self._remember(row, encoding)
        os.truncate(self._journal, stop)
        if readable >= 0:
            os.truncate(self._open_path, end[1] if end[0] == self._segment else 0)
        self._open_segment()

    def _closed_sizes(self) -> dict[int, int]:
        """Bytes of each segment that is closed, by its number."""
        paths = files.listed(self._folder, f"{self._name}-*.warc.gz")
        return {int(path.rsplit("-", 1)[1].split(".")[0]): files.size(path) for path in paths}


def _revisit(fields: dict[str, str], head: bytes, first: _First) -> Record:
    """A revisit record for an equal body (WARC 1.1, 6.7.2): headers only, which it has to say."""
    more = {
        "WARC-Profile": "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest",
        "WARC-Refers-To-Target-URI": first.url,
        "WARC-Refers-To-Date": warc.warc_date(first.date),
        "WARC-Truncated": "length",
    }
    return Record("revisit", fields | more, head)


def _first_id(archive: Path) -> str:
    """The id of the record with which an archive of ours begins."""
    with archive.open("rb") as stream:
        start = zlib.decompressobj(31).decompress(stream.read(4_096), 4_096)
    match = re.search(rb"WARC-Record-ID: (\S+)", start)
    return match[1].decode() if match else ""


def _full(error: OSError, path: Path) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FullDiskError(
            f"No space left while archiving pages in {path}",
            "Free some space and run the same command again: fetched pages are not fetched anew",
        )
    return error
