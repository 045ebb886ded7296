"""Addresses of texts that a user has already (`kind = "texts"`): of each its own, or one made of
its name.  `pages.source = "texts"` brings the texts themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Literal

from pipeline.links.audit import TEXTS
from pipeline.links.list_row import mention
from pipeline.links.read_log import ReadLog
from pipeline.links.records import BadLineError, Mention
from pipeline.links.sources import LinkSource, SourceItem
from pipeline.store.own_texts import (
    NoTextError,
    OwnText,
    TextBundle,
    TextFiles,
    find_bundles,
    rows_of,
)


@dataclass(frozen=True)
class TextItem(SourceItem):
    """A table, or some files of which each is one text."""

    bundle: TextBundle = field(kw_only=True)


class TextList(LinkSource, TextFiles):
    """One address for each text."""

    kind: Literal["texts"]
    """Texts that are there already; their settings are those of `[pages.texts]`."""

    globs: ClassVar[tuple[str, ...]] = ("path",)

    def find(self) -> list[SourceItem]:
        """The tables, and the other files by the thousand."""
        return [
            TextItem(self, bundle.paths[0], label=bundle.name, bundle=bundle)
            for bundle in find_bundles(self, "pages.texts.path")
        ]

    def mentions(self, item: SourceItem, log: ReadLog) -> Iterator[Mention]:
        """One for each row with a text; others are counted as bad lines."""
        bundle = _bundle(item)
        for number, row in enumerate(rows_of(bundle, self)):
            log.count()
            mentions = log.attempt(number, b"", partial(_mentions, row))
            log.numbers[TEXTS] = log.numbers.get(TEXTS, 0) + len(mentions)
            yield from mentions
        log.progress(bundle.size())

    def fingerprint(self, item: SourceItem) -> str:
        """Of the content of its files."""
        return _bundle(item).fingerprint()

    def size(self, item: SourceItem) -> int:
        """Bytes of its files."""
        return _bundle(item).size()


def _bundle(item: SourceItem) -> TextBundle:
    assert isinstance(item, TextItem)
    return item.bundle


def _mentions(row: OwnText | NoTextError, _: bytes) -> list[Mention]:
    if isinstance(row, NoTextError):
        raise BadLineError(str(row))
    return [mention(row.url, row.karma, row.date)]
