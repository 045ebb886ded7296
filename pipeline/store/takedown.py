"""Takedown lists: pages that must not be in the corpus, by address, host or Reddit id.

One entry a line: an address in any form (`https://example.org/a`), a host with all
below it (`example.org`), the id of a post or comment (`t3_abc12`), which takes out every
page it mentions, or the id of a document, as the tables have it.  Lines that begin with #
are comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.store.addresses import canonical_key, host_of, page_id
from pipeline.store.errors import SettingError
from pipeline.store.settings import Settings
from pipeline.store.textfiles import read_text

_REDDIT_ID = re.compile(r"t[13]_[0-9a-z]{1,13}")
_PAGE_ID = re.compile(r"[0-9a-f]{32}")
_HOST = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}")


class TakedownSettings(Settings):
    """Pages that must not be in the corpus: a file of addresses, hosts and Reddit ids."""

    path: str | None = None
    """The file, one entry a line."""


@dataclass(frozen=True)
class Takedown:
    """The entries of a list, by kind; pages are {id: entry}."""

    pages: dict[str, str] = field(default_factory=dict)
    hosts: frozenset[str] = frozenset()
    reddit: frozenset[str] = frozenset()

    def entry_for(
        self, page: str, url: str, reddit_ids: Iterable[str], canonical: str | None = None
    ) -> str | None:
        """The entry that takes a page out; None when it may stay.

        `canonical` is the address that the page gives as its own, if any: a print view or a
        mirror of a page that is to go names that page there.
        """
        if page in self.pages:
            return self.pages[page]
        if canonical and self.pages and (own := page_id(canonical_key(canonical))) in self.pages:
            return self.pages[own]
        for address in filter(None, (url, canonical)):
            host = host_of(address).split(":")[0]
            while "." in host and self.hosts:
                if host in self.hosts:
                    return host
                host = host.split(".", 1)[1]
        return next((name for name in sorted(reddit_ids) if name in self.reddit), None)

    def entries(self) -> set[str]:
        """All entries, as they were written."""
        return {*self.pages.values(), *self.hosts, *self.reddit}

    def __bool__(self) -> bool:
        return bool(self.pages or self.hosts or self.reddit)


NOTHING = Takedown()


def read_takedown(settings: TakedownSettings) -> Takedown:
    """The list that a recipe names; an empty one without."""
    if settings.path is None:
        return NOTHING
    return parse_takedown(read_text(settings.path), settings.path)


def parse_takedown(text: str, path: str) -> Takedown:
    """Reads a list; `path` names it in errors. Raises SettingError with the number of the line."""
    pages: dict[str, str] = {}
    hosts, reddit = set(), set()
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        if _REDDIT_ID.fullmatch(entry):
            reddit.add(entry)
        elif _PAGE_ID.fullmatch(entry):
            pages[entry] = entry
        elif _HOST.fullmatch(entry.lower()):
            hosts.add(entry.lower())
        elif "/" in entry and " " not in entry:
            pages[page_id(canonical_key(entry))] = entry
        else:
            raise SettingError(
                f"{path}, line {number}: {entry[:80]!r} is no address, host or id",
                "Write one a line, such as https://example.org/a, example.org or t3_abc12",
            )
    return Takedown(pages, frozenset(hosts), frozenset(reddit))
