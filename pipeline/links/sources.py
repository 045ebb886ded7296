"""Sources of links: what the stage asks of one; their registry is `webtext.sources`.

A source is a table of `links.sources` whose `kind` is its name in the registry.  Its class holds
the settings, finds what there is to read and reads the mentions out of it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pipeline.store import files
from pipeline.store.errors import SettingError
from pipeline.store.registry import Registry
from pipeline.store.settings import Settings

if TYPE_CHECKING:
    from pipeline.links.read_log import ReadLog
    from pipeline.links.records import Mention


class LinkSource(Settings):
    """Settings and code of one kind of source.  Subclasses add their own keys as fields."""

    kind: str
    """Which kind of source this is."""

    #: The fields that are globs of files.
    globs: ClassVar[tuple[str, ...]] = ()
    #: Raised by hand when the class gives other mentions for the same input.
    version: ClassVar[str] = "1"
    #: Whether it is all files, so that `webtext plan` may read the first megabytes.
    local: ClassVar[bool] = True

    def find(self) -> list[SourceItem]:
        """All there is to read; SettingError where there is nothing."""
        named = {name: pattern for name in self.globs if (pattern := getattr(self, name))}
        if not named:
            raise SettingError(
                f"links.sources: a source of kind {self.kind} names no file",
                f"Give {' or '.join(self.globs)}",
            )
        return [
            SourceItem(self, path, name)
            for name, pattern in named.items()
            for path in matching(name, pattern)
        ]

    @abstractmethod
    def mentions(self, item: SourceItem, log: ReadLog) -> Iterator[Mention]:
        """The mentions of one item, in its order; `log` counts what is read, and reads lines."""

    def patterns(self, *, scores: bool = True) -> Sequence[str]:
        """Globs of the files that must be there before the source can be read.

        Without `scores` those that `webtext rescore` is still to write are left out.
        """
        return [getattr(self, name) for name in self.globs]

    def fingerprint(self, item: SourceItem) -> str:
        """What an item says, as a hash: of a file, that of its content."""
        return files.content_fingerprint(item.path)

    def size(self, item: SourceItem) -> int:
        """Bytes to read, packed; 0 where that is not known."""
        return files.size(item.path)

    def reading(self) -> dict[str, Any]:
        """What of the settings decides the mentions of an item: all but where the files are."""
        values = {name: v for name, v in self.identity().items() if name not in self.globs}
        return values | {"version": self.version}


@dataclass(frozen=True)
class SourceItem:
    """One thing to read: a file, or what `path` means to the source."""

    source: LinkSource
    path: str
    #: Which of the source's kinds of items it is; of a file, the field whose glob it matches.
    part: str = ""
    #: How the manifest names it; empty: the file's name.
    label: str = ""
    #: Whether most of it is turned away unread, as comments are, which `webtext plan` counts with.
    sparse: bool = False

    @property
    def name(self) -> str:
        """How the manifest names it."""
        return self.label or files.name_of(self.path)


SOURCES = Registry("webtext.sources", LinkSource, "link source")  # type: ignore[type-abstract]


def matching(name: str, pattern: str) -> list[str]:
    """The files of a glob; `name` is the key that gave it.  Raises as `files.matching` does."""
    return files.matching(pattern, f"links.sources: {name}")


def find_sources(sources: Sequence[LinkSource]) -> list[SourceItem]:
    """All there is to read, in order of name.

    Raises SettingError for a glob that matches nothing and for two items of one name.
    """
    items: dict[tuple[str, str], SourceItem] = {}
    for source in sources:
        for item in source.find():
            items.setdefault((item.path, item.part), item)
    names: set[str] = set()
    for item in items.values():
        if item.name in names:
            raise SettingError(
                f"links.sources: two inputs are named {item.name}", "Rename one: names must differ"
            )
        names.add(item.name)
    return sorted(items.values(), key=lambda item: (item.name, item.part))


def missing_sources(sources: Sequence[LinkSource], *, scores: bool = True) -> list[str]:
    """The globs of sources that match no file, in the recipe's order (see `patterns`)."""
    return [
        pattern
        for source in sources
        for pattern in source.patterns(scores=scores)
        if pattern and not files.glob(pattern)
    ]
