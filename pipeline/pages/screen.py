"""Whether a body is a page of text that may be used, and in which characters.

The same questions are asked of the web, of archives, of Common Crawl and of the
Wayback Machine, so that a page has the same outcome wherever it comes from.
"""

from __future__ import annotations

from typing import NamedTuple

from pipeline.pages.outcomes import Outcome
from pipeline.pages.preferences.page import (
    FindLicense,
    license_addresses,
    licensed_preferences,
    page_preferences,
)
from pipeline.pages.preferences.page_head import PageHead, read_head, refresh_target
from pipeline.pages.preferences.preference import Preference, strongest
from pipeline.pages.settings import PagesSettings
from pipeline.store.addresses import resolve
from pipeline.store.chunked import is_closed
from pipeline.store.content_coding import BadEncodingError, TooLargeError, unpack
from pipeline.store.decode import decode
from pipeline.store.http_answer import Headers
from pipeline.store.media_type import kind_of, may_be, read_label

#: Seconds within which a refresh is a redirect; a page that shows itself for longer is a page,
#: and one that loads itself anew every minute is no redirect at all.
_MOST_REFRESH_SECONDS = 10.0


class Judged(NamedTuple):
    """The outcome of a body, and what was found out on the way."""

    outcome: Outcome
    error: str = ""
    charset: str = ""
    charset_by: str = ""
    #: The preference that decided, or one that allows the use of the page.
    preference: Preference | None = None
    #: The address to which the page sends its reader at once.
    refresh: str = ""
    #: Whether the body shows by itself that it is all there: by its coding or its last tag.
    closed: bool = False
    #: Whether its coding shows that more should have come.
    cut: bool = False
    #: The content coding that the body has, whatever its label says.
    coding: str = ""
    #: Addresses of licences that the page names, where nobody was asked for them.
    licenses: tuple[str, ...] = ()


def media_type(headers: Headers) -> str:
    """The media type of an answer, in lower case; empty where the label is none."""
    return read_label(headers.values("content-type")).media_type


def is_wanted(headers: Headers, settings: PagesSettings) -> bool:
    """Whether a body under these headers may be of a kind that the settings name."""
    return may_be(media_type(headers), settings.content_types)


def screen_body(
    url: str,
    headers: Headers,
    body: bytes,
    settings: PagesSettings,
    find_license: FindLicense | None = None,
) -> Judged:
    """Content coding, kind, preferences and character set of a body as received.

    Without `find_license` licences elsewhere are not asked for, but named in the judgement.
    """
    try:
        plain = unpack(body, headers.joined("content-encoding"), settings.max_bytes)
    except BadEncodingError as error:
        return Judged(Outcome.BAD_ENCODING, str(error))
    except TooLargeError as error:
        return Judged(Outcome.TOO_LARGE, str(error))
    kind = kind_of(media_type(headers), plain.data)
    if kind not in settings.content_types:
        label = headers.joined("content-type")[:100]
        return Judged(Outcome.CONTENT_TYPE, f"{kind} by its first bytes, labelled {label!r}")
    text, charset, charset_by = "", "", ""
    head = PageHead()
    if kind != "pdf":
        text, charset, charset_by = decode(plain.data, headers.joined("content-type"))
        head = read_head(text) if kind == "html" else head
    agent, ai_agents = settings.user_agent, settings.respect_ai_opt_out
    preferences = list(page_preferences(url, headers, head, agent, ai_agents=ai_agents))
    named = license_addresses(url, headers, head)
    if find_license is not None:
        preferences += licensed_preferences(url, named, find_license)
        named = []
    found = strongest(preferences)
    if found is not None and found.refuses:
        return Judged(found.outcome, f"{found.where}: {found.statement}", preference=found)
    return Judged(
        Outcome.OK,
        charset=charset,
        charset_by=charset_by,
        preference=found,
        refresh=_refresh(url, headers, head) or "",
        closed=(plain.whole and bool(plain.codings)) or is_closed(plain.data),
        cut=not plain.whole,
        coding=plain.label,
        licenses=tuple(address for address, _ in named),
    )


def _refresh(url: str, headers: Headers, head: PageHead) -> str | None:
    """Where a page, or else its header, sends the reader at once."""
    base = head.base_of(url) if head.refresh else url
    target = refresh_target(head.refresh or headers.joined("refresh"), _MOST_REFRESH_SECONDS)
    return resolve(base, target) if target else None


def unknown_license(address: str) -> None:
    """For pages out of archives: their licences cannot be asked for, so they permit nothing."""
