"""RSL licences (Really Simple Licensing 1.0, rslstandard.org/rsl): what may be done with a page.

A licence is an XML document that robots.txt, a Link header or the page itself names.  Its
`content` elements say of which addresses they speak, their licences which uses they permit and
prohibit, for whom, and at what price.  A corpus may be made where one licence permits training,
or prohibits none, to everybody, without payment.  A licence that cannot be read permits nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from lxml import etree

from pipeline.pages.outcomes import Outcome
from pipeline.pages.preferences.paths import path_matcher
from pipeline.pages.preferences.preference import Preference

MOST_BYTES = 500 * 1024  # as for robots.txt
_MOST_CONTENTS = 1_000  # each costs a parser; sites have a handful
#: Uses that hold the training of a model: RSL 1.0, 3.4.1.1, and the names of drafts before it.
_TRAINING = frozenset({"all", "ai-all", "ai-train", "train-ai", "train-genai"})
#: Kinds of payment that cost nothing (RSL 1.0, 3.6); one without a kind is of these, too.
_FREE = frozenset({"", "free", "attribution"})
_UNREAD = "a licence that cannot be read"
#: A parameter of a Link header: its name, and its value in quotes or without.
_PARAMETER = re.compile(r";\s*([\w*-]+)\s*=\s*(?:\"([^\"]*)\"|([^\s;\"]*))")


@dataclass(frozen=True)
class License:
    """What a document says of addresses, by their patterns.

    `base` is the site or page that names the document: its addresses without a host are there.
    """

    base: str
    contents: tuple[tuple[str, bool], ...] = ()  # (address as it stands there, may be used)

    def preference(self, url: str, where: str) -> Preference | None:
        """What it says of an address: the longest pattern decides; None where it says nothing."""
        found = [
            (len(address), allowed)
            for address, allowed in self.contents
            if _speaks_of(self.base, address, url)
        ]
        if not found:
            return None
        longest = max(length for length, _ in found)
        allowed = any(allowed for length, allowed in found if length == longest)
        if allowed:
            return Preference(Outcome.OK, "training permitted", where)
        return Preference(Outcome.RSL, "training not permitted", where)


def _speaks_of(base: str, pattern: str, url: str) -> bool:
    """Whether a pattern, an address or empty for the page itself, matches an address."""
    if not pattern:
        return True
    try:
        wanted, address = urlsplit(urljoin(base, pattern)), urlsplit(url)
    except ValueError:  # such as `http://[`
        return False
    if wanted.hostname != address.hostname:
        return False
    query = f"?{wanted.query}" if wanted.query else ""
    return path_matcher(f"{wanted.path or '/'}{query}")(url)


def read_license(document: bytes, base: str) -> License | None:
    """The licence in an XML document that `base` names; None where there is none in it."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True
    )
    try:
        root = etree.fromstring(document.strip(), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    if root is None:
        return None
    contents = [
        (str(content.get("url") or ""), _may_train(content))
        for content in _named(root, "content", _MOST_CONTENTS)
    ]
    return License(base, tuple(contents)) if contents else None


def unread(where: str) -> Preference:
    """What a licence means that is named but cannot be read."""
    return Preference(Outcome.RSL, _UNREAD, where)


def _named(root: etree._Element, name: str, most: int) -> Iterator[etree._Element]:
    """The elements of a name, whatever their namespace, at most so many."""
    elements = (one for one in root.iter() if isinstance(one.tag, str))
    named = (one for one in elements if etree.QName(one).localname == name)
    return (one for one, _ in zip(named, range(most), strict=False))


def _may_train(content: etree._Element) -> bool:
    """Whether one of the licences of a content lets everybody train models for nothing."""
    return any(_permits(license_) for license_ in _named(content, "license", _MOST_CONTENTS))


def _permits(license_: etree._Element) -> bool:
    permitted, prohibited = (_uses(license_, name) for name in ("permits", "prohibits"))
    payments = {str(one.get("type") or "") for one in _named(license_, "payment", 100)}
    by_use = not permitted["usage"] or not permitted["usage"].isdisjoint(_TRAINING)
    for_all = not permitted["user"] and not permitted["geo"]
    barred = not prohibited["usage"].isdisjoint(_TRAINING)
    return by_use and for_all and not barred and payments <= _FREE


def _uses(license_: etree._Element, name: str) -> dict[str, set[str]]:
    """{`usage`, `user` or `geo`: what is permitted or prohibited of it}."""
    found: dict[str, set[str]] = {"usage": set(), "user": set(), "geo": set()}
    for element in _named(license_, name, 100):
        words = (element.text or "").lower().replace(",", " ").split()
        found.setdefault(str(element.get("type") or "usage"), set()).update(words)
    return found


def license_links(values: Iterable[str]) -> Iterator[str]:
    """The addresses of RSL licences in Link headers (RFC 8288)."""
    for value in values:
        for link in re.split(r",\s*(?=<)", value):
            target, _, rest = link.partition(">")
            parameters = {
                name.lower(): (quoted or bare).lower()
                for name, quoted, bare in reversed(_PARAMETER.findall(rest))
            }
            if is_license(parameters.get("rel", ""), parameters.get("type", "")):
                yield target.strip().lstrip("<")


def is_license(rel: str, media_type: str) -> bool:
    """Whether a link of this relation and type leads to an RSL licence."""
    return "license" in rel.lower().split() and is_rsl(media_type)


def is_rsl(media_type: str) -> bool:
    """Whether a media type, with its parameters or without, is that of RSL."""
    return media_type.partition(";")[0].strip().lower() == "application/rsl+xml"
