"""What is counted while a source is read, and the lines of files for those who read by lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa

from pipeline.links.dumps import Block, blocks, lines
from pipeline.links.records import BadLineError, Mention
from pipeline.links.scores import ScoreTally
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import add_numbers
from pipeline.store.parts import PartWriter
from pipeline.store.progress import Progress

#: Full names of posts marked as over 18, whose comments do not count either.
THREADS = pa.schema([("id", pa.string())])

#: What is counted of every source; `no_address` of the mentions lead to no page of the web.
_NUMBERS = ("lines", "bad_lines", "mentions", "no_address", "turned_away")
_REJECTED = 1_000  # bad lines kept of one source, each cut to this many bytes
#: What reading a line that is no record raises, in code that takes the fields it needs.
_BAD = (BadLineError, KeyError, TypeError, ValueError)

#: The mentions of one line.
ReadLine = Callable[[bytes], Iterable[Mention]]


class ReadLog:
    """The account of one item: lines, bad lines, what was turned away and why, how old scores are.

    `name` names the item in what is kept of bad lines; `over_18` and `crossposts` are the recipe's
    rules; answers that must not be asked for twice go below `scratch`.
    """

    def __init__(
        self,
        name: str,
        over_18: bool,
        scratch: str,
        progress: Progress,
        threads: PartWriter,
        *,
        crossposts: bool = True,
    ) -> None:
        self.over_18, self.crossposts, self.scratch = over_18, crossposts, scratch
        #: Of what a source counts scores of, by kind: `posts` or `comments`.
        self.scores = {"posts": ScoreTally(), "comments": ScoreTally()}
        self._name, self._progress, self._threads = name, progress, threads
        self.numbers = dict.fromkeys(_NUMBERS, 0)
        self.rejected: list[dict[str, Any]] = []

    def each_line(
        self, path: str, read: ReadLine, *, accept_cut: bool = False
    ) -> Iterator[Mention]:
        """The mentions of a text file, line by line; it may be packed (zst, xz, bz2).

        A line at which `read` raises BadLineError, KeyError, TypeError or ValueError is counted
        and kept as bad.  Raises WebtextError for a file that is cut or damaged.
        """
        for block in self.blocks(path, accept_cut=accept_cut):
            yield from self.lines_of(block, read)

    def blocks(self, path: str, *, accept_cut: bool = False) -> Iterator[Block]:
        """The blocks of lines of a file; what was read is shown as progress."""
        read = 0
        for block in blocks(path, accept_cut=accept_cut):
            before = self.numbers["lines"]
            yield block
            self.progress(block.packed - read, lines=self.numbers["lines"] - before)
            read = block.packed

    def lines_of(self, block: Block, read: ReadLine) -> Iterator[Mention]:
        """The mentions of a block, line by line."""
        for offset, line in lines(block):
            self.count()
            yield from self.attempt(offset, line, read)

    def attempt(self, offset: int, line: bytes, read: ReadLine) -> list[Mention]:
        """The mentions of one line; of a bad one none."""
        try:
            return list(read(line))
        except _BAD as error:
            self.reject(offset, line, error)
            return []

    def count(self, lines: int = 1) -> None:
        """Counts records that were read."""
        self.numbers["lines"] += lines

    def progress(self, size: int, **outcomes: int) -> None:
        """Notes `size` more bytes of the packed input as read."""
        self._progress.add(size, **outcomes)

    def source_row(self) -> dict[str, int]:
        """The numbers of the item for the audit."""
        return add_numbers(self.numbers, *self.month_rows().values())

    def month_rows(self) -> dict[str, dict[str, int]]:
        """The numbers of scores by kind and month for the audit: `posts 2024-01`."""
        return {
            f"{kind} {month}": row
            for kind, tally in self.scores.items()
            for month, row in tally.months().items()
        }

    def refuse_if_all_bad(self, path: str) -> None:
        """Raises WebtextError where lines were read and not one was a record."""
        lines, bad = self.numbers["lines"], self.numbers["bad_lines"]
        if lines and bad == lines and self.rejected:
            raise WebtextError(
                f"{path}: not one of {lines:,} lines is a record; the first: "
                f"{self.rejected[0]['error']}",
                "Is it what its source says? See docs/links.md for what each kind reads",
            )

    def turn_away(self, reason: str = "", records: int = 1) -> None:
        """Counts records that are left out unread, or as a whole for a reason."""
        self.numbers["turned_away"] += records
        if reason:
            self.numbers[reason] = self.numbers.get(reason, 0) + records

    def mark_over_18(self, post: str) -> None:
        """Notes a post (its full name) whose comments must not count either."""
        self._threads.add([{"id": post}])

    def reject(self, offset: int, line: bytes, error: Exception) -> None:
        """Counts a bad line, and keeps it if it is among the first thousand."""
        self.numbers["bad_lines"] += 1
        if len(self.rejected) < _REJECTED:
            text = f"{type(error).__name__}: {error}"
            self.rejected.append(
                {
                    "file": self._name,
                    "offset": offset,
                    "error": str(error) if isinstance(error, BadLineError) else text,
                    "bytes": len(line),
                    "line": line[:_REJECTED].decode("utf-8", "backslashreplace"),
                }
            )


def kept_of(bad_lines: int) -> int:
    """How many of so many bad lines are kept."""
    return min(bad_lines, _REJECTED)
