"""What a page says about itself outside its text: <title>, <meta>, JSON-LD, its address."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser

from pipeline.documents.json_ld import read_scripts

_MOST_ADDRESS = 2_000


@dataclass(frozen=True, slots=True)
class Head:
    """`metas` are by lower-case name, property or itemprop; the first of a name counts."""

    url: str
    title: str
    metas: dict[str, str]
    json_ld: str  # all scripts of this kind (`json_ld.read_scripts`)
    canonical: str  # the address that the page gives as its own, absolute, or empty
    language: str  # what <html> names, in lower case ("en-us"), or empty


def read_head(parser: LexborHTMLParser, url: str) -> Head:
    """Reads the head of a page that was fetched from `url`."""
    title = parser.css_first("title")
    return Head(
        url=url,
        title=one_line(title.text(deep=True)) if title is not None else "",
        metas=_metas(parser),
        json_ld=read_scripts(parser),
        canonical=_canonical(parser, url),
        language=_language(parser),
    )


def one_line(text: str) -> str:
    """Text with single spaces, without pilcrows (signs of permalinks)."""
    return " ".join(text.replace("¶", " ").split())


def _metas(parser: LexborHTMLParser) -> dict[str, str]:
    found: dict[str, str] = {}
    for meta in parser.css("meta"):
        attributes = meta.attributes
        name = attributes.get("property") or attributes.get("name") or attributes.get("itemprop")
        content = one_line(attributes.get("content") or "")
        if name and content:
            found.setdefault(name.lower(), content)
    return found


def _language(parser: LexborHTMLParser) -> str:
    root = parser.root
    named = root.attributes.get("lang") if root is not None else None
    return (named or "").strip().lower().replace("_", "-")


def _canonical(parser: LexborHTMLParser, url: str) -> str:
    for link in parser.css("link[rel]"):
        attributes = link.attributes
        if "canonical" in (attributes.get("rel") or "").lower().split():
            try:
                address = urljoin(url, (attributes.get("href") or "").strip())
                good = urlsplit(address).scheme in ("http", "https") and urlsplit(address).netloc
            except ValueError:  # an address that cannot be split, such as "http://["
                continue
            if good and len(address) <= _MOST_ADDRESS:
                return address
    return ""
