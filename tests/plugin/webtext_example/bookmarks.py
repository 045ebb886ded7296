"""A source of links: the bookmarks that a browser exports (Netscape's format, an anchor a line)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import ClassVar, Literal

from pipeline.links.read_log import ReadLog
from pipeline.links.records import Mention, in_range
from pipeline.links.sources import LinkSource, SourceItem

_ANCHOR = re.compile(r'<A HREF="([^"]+)" ADD_DATE="(\d+)"', re.IGNORECASE)


class Bookmarks(LinkSource):
    """Bookmarks, each of which someone chose: they pass `min_karma`."""

    kind: Literal["bookmarks"]
    """Bookmarks that a browser has exported."""
    exported: str
    """Glob of the files."""

    globs: ClassVar[tuple[str, ...]] = ("exported",)

    def mentions(self, item: SourceItem, log: ReadLog) -> Iterator[Mention]:
        """One for each bookmark; lines without any are folders."""
        return log.each_line(item.path, _read)


def _read(line: bytes) -> Iterator[Mention]:
    # What raises ValueError, such as text that is no UTF-8, counts as a bad line.
    for url, added in _ANCHOR.findall(line.decode("utf-8")):
        in_range(0, int(added))
        yield Mention(html.unescape(url), "list", created=int(added))
