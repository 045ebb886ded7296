"""What a page says about itself outside its text: <title>, <meta>, JSON-LD, its address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.documents.json_ld import read_scripts

_MOST_ADDRESS = 2_000
#: What is read here and where titles and days are looked for: one search of the tree for all.
_TELLING = (
    "title, meta, link[rel], script, h1, h2, time, "
    '[itemprop~="datePublished"], [itemprop~="dateCreated"]'
)


@dataclass(frozen=True, slots=True)
class Head:
    """`metas` are by lower-case name, property or itemprop; the first of a name counts."""

    url: str
    title: str
    metas: dict[str, str]
    json_ld: str  # all scripts of this kind (`json_ld.read_scripts`)
    canonical: str  # the address that the page gives as its own, absolute, or empty
    language: str  # what <html> names, in lower case ("en-us"), or empty
    nodes: Sequence[LexborNode]  # all of _TELLING, in the order of the page

    def tagged(self, *tags: str) -> list[LexborNode]:
        """Those of `nodes` that are such elements."""
        return [node for node in self.nodes if node.tag in tags]


def read_head(parser: LexborHTMLParser, url: str) -> Head:
    """Reads the head of a page that was fetched from `url`."""
    nodes = parser.css(_TELLING)
    by_tag: dict[str | None, list[LexborNode]] = {}
    for node in nodes:
        by_tag.setdefault(node.tag, []).append(node)
    titles = by_tag.get("title")
    return Head(
        url=url,
        title=one_line(titles[0].text(deep=True)) if titles else "",
        metas=_metas(by_tag.get("meta", ())),
        json_ld=read_scripts(by_tag.get("script", ())),
        canonical=_canonical(by_tag.get("link", ()), url),
        language=_language(parser),
        nodes=nodes,
    )


def one_line(text: str) -> str:
    """Text with single spaces, without pilcrows (signs of permalinks)."""
    return " ".join(text.replace("¶", " ").split())


def _metas(nodes: Iterable[LexborNode]) -> dict[str, str]:
    found: dict[str, str] = {}
    for meta in nodes:
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


def _canonical(links: Iterable[LexborNode], url: str) -> str:
    for link in links:
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
