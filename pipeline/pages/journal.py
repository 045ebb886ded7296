"""The memory of a crawl: one group's archive segments and journal, safe against `kill -9`.

A finished page is first appended to the archive and flushed, then its line to the
journal.  After a kill both may have a torn tail: the journal is cut at its last
whole line, the archive where that line says the archive ended.  What was in
flight is fetched again; nothing else is.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson

from pipeline import files
from pipeline.corpus import WORK
from pipeline.errors import FullDiskError
from pipeline.pages import warc

#: Column of a journal line that is no column of the fetch table: where the archive ended.
_END = "archive_end"


class Journal:
    """Archive and journal of one group of hosts; use as a context manager.

    `folder` is the stage's, `name` the group's; segments are called
    `NAME-000.warc.gz` and appear in the folder when they are closed.
    """

    def __init__(self, folder: str, name: str, segment_bytes: int) -> None:
        self._folder, self._name, self._segment_bytes = folder, name, segment_bytes
        self._scratch = Path(files.local_scratch(folder)) / WORK
        self._journal = self._scratch / f"{name}.jsonl"
        self.rows: dict[str, dict[str, Any]] = {}
        self._digests: dict[str, tuple[str, int, str]] = {}

    def __enter__(self) -> Journal:
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._recover()
        self._log: IO[bytes] = self._journal.open("ab")
        return self

    def __exit__(self, *_: object) -> None:
        self._log.close()
        self._archive.close()

    def page(
        self, row: dict[str, Any], records: list[tuple[str, dict[str, str], bytes]], digest: str
    ) -> None:
        """Archives a page and logs its row; `records` are (type, fields, block), response first.

        A body that this group has already is not stored twice: the row points to the
        first, and a revisit record says so.
        """
        seen = self._digests.get(digest)
        if seen is not None:
            row["warc_file"], row["warc_offset"] = seen[0], seen[1]
            records = [_revisit(records[0], seen[2]), *records[1:]]
        else:
            row["warc_file"], row["warc_offset"] = self._segment_name(), self._archive.tell()
            self._digests[digest] = (
                row["warc_file"],
                row["warc_offset"],
                records[0][1]["WARC-Target-URI"],
            )
        # A body that came compressed gains nothing from being compressed again.
        for kind, fields, block in records:
            packed = b"content-encoding:" in block[:4096].lower() and kind == "response"
            self._append(warc.record(kind, fields, block, 0 if packed else 6))
        self.log(row)
        if self._archive.tell() > self._segment_bytes:
            self._close_segment()

    def log(self, row: dict[str, Any]) -> None:
        """Logs the row of a link that ended without a page."""
        self.rows[row["id"]] = row
        self._flush(self._archive)
        self._log.write(orjson.dumps(row | {_END: self._position()}) + b"\n")
        self._flush(self._log)

    def finish(self) -> list[str]:
        """Closes the last segment; returns the names of all segments of the group."""
        if self._archive.tell() > self._first:
            self._close_segment()
        self._archive.close()
        self._open_path.unlink(missing_ok=True)
        return sorted(
            path.rsplit("/", 1)[-1]
            for path in files.glob(files.join(self._folder, f"{self._name}-*.warc.gz"))
        )

    def _segment_name(self) -> str:
        return f"{self._name}-{self._segment:03d}.warc.gz"

    @property
    def _open_path(self) -> Path:
        return self._scratch / self._segment_name()

    def _position(self) -> list[int]:
        return [self._segment, self._archive.tell()]

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

    def _close_segment(self) -> None:
        self._archive.close()
        files.publish(str(self._open_path), files.join(self._folder, self._segment_name()))
        self._segment += 1
        self._open_segment()

    def _open_segment(self) -> None:
        self._archive: IO[bytes] = self._open_path.open("ab")
        if self._archive.tell() == 0:
            block = b"software: webtext\r\nformat: WARC File Format 1.1\r\n"
            fields = {"WARC-Record-ID": warc.record_id(), "Content-Type": "application/warc-fields"}
            self._first = self._archive.write(warc.record("warcinfo", fields, block))
        else:
            self._first = 1

    def _recover(self) -> None:
        """Reads what a run before left, cuts torn tails, opens the segment to go on with."""
        end = [self._published(), 0]
        whole = 0
        for line in self._whole_lines():
            whole += len(line) + 1
            row = orjson.loads(line)
            end = row.pop(_END)
            self.rows[row["id"]] = row
            if row["outcome"] == "ok":
                self._digests.setdefault(
                    row["digest"], (row["warc_file"], row["warc_offset"], row["final_url"])
                )
        if self._journal.exists():
            os.truncate(self._journal, whole)
        self._segment = max(end[0], self._published())
        if self._open_path.exists():
            os.truncate(self._open_path, end[1] if self._segment == end[0] else 0)
        self._open_segment()

    def _published(self) -> int:
        """The number of the next segment after those that are closed."""
        names = files.glob(files.join(self._folder, f"{self._name}-*.warc.gz"))
        return max((int(name.rsplit("-", 1)[1].split(".")[0]) + 1 for name in names), default=0)

    def _whole_lines(self) -> Iterator[bytes]:
        if self._journal.exists():
            data = self._journal.read_bytes()
            yield from data[: data.rfind(b"\n") + 1].splitlines()


def _revisit(
    response: tuple[str, dict[str, str], bytes], original: str
) -> tuple[str, dict[str, str], bytes]:
    """A revisit record for an equal body (WARC 1.1, 6.7.2): headers only."""
    _, fields, block = response
    head = block[: block.index(b"\r\n\r\n") + 4]
    return (
        "revisit",
        fields
        | {
            "WARC-Profile": "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest",
            "WARC-Refers-To-Target-URI": original,
        },
        head,
    )


def _full(error: OSError, path: Path) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FullDiskError(
            f"No space left while archiving pages in {path}",
            "Free some space and run the same command again: fetched pages are not fetched anew",
        )
    return error
