"""What is left out, each with the list that names it: Reddit itself, media, Wikipedia, files.

The lists `webtext`, `openwebtext` and `openwebtext2` are those of the corpora of these names,
each whole by itself.  All are in `blocklist.txt`, with their sources.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pipeline.store.hosts import domains_of

#: The lists that apply unless a recipe says otherwise.
DEFAULT = ("reddit", "media", "wikipedia", "file_type")


@dataclass(frozen=True)
class AddressRules:
    """What a recipe says of addresses: it holds for links, and for what they redirect to."""

    #: Hosts to keep, with all below them; empty for all.
    domains: frozenset[str] = frozenset()
    #: Hosts to leave out, with all below them.
    block_domains: frozenset[str] = frozenset()
    blocklists: tuple[str, ...] = DEFAULT

    @classmethod
    def of(cls, links: Mapping[str, Any]) -> Self:
        """The rules of a `[links]` section, as its settings or its manifest's give them."""
        return cls(
            bare_names(links.get("domains", ())),
            bare_names(links.get("block_domains", ())),
            tuple(links.get("blocklists", DEFAULT)),
        )

    def identity(self) -> dict[str, list[str]]:
        """The rules as plain values, equal for equal rules."""
        return {
            "domains": sorted(self.domains),
            "block_domains": sorted(self.block_domains),
            "blocklists": list(self.blocklists),
        }

    def reason_to_drop(self, url: str, host: str) -> str | None:
        """Why an address on `host` (without a port) is left out; None when it is kept."""
        names = domains_of(host)
        if self.domains and self.domains.isdisjoint(names):
            return "domain_not_listed"
        if not self.block_domains.isdisjoint(names):
            return "domain"
        return reason_to_drop(url, self.blocklists)


def bare_names(names: Iterable[str]) -> frozenset[str]:
    """Names of hosts or subreddits as they are compared: lower case, without `www.` or `r/`."""
    return frozenset(name.lower().removeprefix("r/").removeprefix("www.") for name in names)


def reason_to_drop(url: str, lists: Collection[str] = DEFAULT) -> str | None:
    """The name of the first of `lists` that leaves a web address out; None when it is kept.

    Hosts go before types of files, in the order of `lists` each.
    """
    parts = urlsplit(url)
    naming = (listed(parts.hostname or ""), _entries().get(file_type(parts.path), frozenset()))
    return next((name for names in naming for name in lists if name in names), None)


def listed(host: str) -> frozenset[str]:
    """The lists that name a host or a domain above it."""
    entries = _entries()
    return frozenset[str]().union(*(entries.get(name, ()) for name in domains_of(host)))


def file_type(path: str) -> str:
    """The type of a file by its name, with its dot and in lower case: `.pdf`; empty for none."""
    _, dot, extension = path.rsplit("/", 1)[-1].rpartition(".")
    return f"{dot}{extension.lower()}" if dot else ""


@cache
def _entries() -> dict[str, frozenset[str]]:
    """Host, or type of file with its dot, -> the lists that name it."""
    found: dict[str, frozenset[str]] = {}
    for line in (Path(__file__).parent / "blocklist.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            lists, _, values = line.partition(":")
            for value in values.split():
                found[value] = found.get(value, frozenset()).union(lists.split())
    return found
