"""All that a page says of its use, by its headers and its head."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pipeline.pages.preferences import content_signal, content_usage, tdmrep
from pipeline.pages.preferences.page_head import PageHead
from pipeline.pages.preferences.preference import Preference
from pipeline.pages.preferences.robots_directives import header_preferences, meta_preferences
from pipeline.pages.preferences.rsl import License, license_links, read_license, unread
from pipeline.store.addresses import resolve
from pipeline.store.http_answer import Headers

#: Gives the licence at an address, None where there is none that can be read.
FindLicense = Callable[[str], License | None]


def page_preferences(
    url: str, headers: Headers, head: PageHead, agent: str, *, ai_agents: bool
) -> Iterator[Preference]:
    """The preferences that stand in a page and its headers, in no particular order.

    `ai_agents` says whether what is said to known crawlers for machine learning holds for us.
    """
    yield from tdmrep.page_preferences(headers.values("tdm-reservation"), head.metas)
    yield from content_usage.header_preferences(headers.values("content-usage"))
    yield from content_signal.header_preferences(headers.values("content-signal"))
    yield from header_preferences(headers.values("x-robots-tag"), agent, ai_agents=ai_agents)
    yield from meta_preferences(head.metas, agent, ai_agents=ai_agents)
    for document in head.licenses:
        yield from _licensed(read_license(document.encode(), url), url, "page")
    for address, where in _named_licenses(url, headers, head):
        if address is None:
            yield unread(where)


def license_addresses(url: str, headers: Headers, head: PageHead) -> list[tuple[str, str]]:
    """(address, where it stands) of each licence that a page names and that can be asked for."""
    named = _named_licenses(url, headers, head)
    return [(address, where) for address, where in named if address is not None]


def _named_licenses(url: str, headers: Headers, head: PageHead) -> list[tuple[str | None, str]]:
    links = [(url, link, "header Link") for link in license_links(headers.values("link"))]
    links += [(head.base_of(url), link, "link element") for link in head.license_links]
    return [(resolve(base, link), where) for base, link, where in links]


def licensed_preferences(
    url: str, addresses: Iterable[tuple[str, str]], find_license: FindLicense
) -> Iterator[Preference]:
    """What the licences say that a page names."""
    for address, where in addresses:
        yield from _licensed(find_license(address), url, where)


def _licensed(license_read: License | None, url: str, where: str) -> Iterator[Preference]:
    """What a licence says of the page; one that is named and cannot be read permits nothing."""
    preference = unread(where) if license_read is None else license_read.preference(url, where)
    if preference is not None:
        yield preference
