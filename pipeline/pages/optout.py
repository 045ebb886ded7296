"""Opt-outs that come with a page: X-Robots-Tag, meta robots, TDM reservation.

`noai` and `noml` are the directives of DeviantArt and of Spawning, which img2dataset
honours; `tdm-reservation` is the W3C community group's TDMRep (2024-05-10).  A page
that asks not to be indexed or archived is left alone as well.  `tdmrep.py` has the
file by which a whole site reserves its rights.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pipeline.pages.outcomes import Outcome

#: What a directive means for us, the most telling first: one page may carry several.
DIRECTIVES = {
    "noai": Outcome.NOAI,
    "noml": Outcome.NOML,
    "noindex": Outcome.NOINDEX,
    "none": Outcome.NOINDEX,
    "noarchive": Outcome.NOARCHIVE,
}
#: Directives that carry a value, so that what stands before the colon is no crawler's name.
_VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
_AGENT = re.compile(r"[\w.*-]+")
_HEAD_BYTES = 1 << 16
# Two bounded steps (a tag, then its name): one expression for both is quadratic on hostile pages.
_META = re.compile(r"<meta\s[^>]{0,1000}>", re.I)
_NAME = re.compile(r"\bname\s*=\s*[\"']?([\w-]+)", re.I)
_CONTENT = re.compile(r"content\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.I)


class OptOut(NamedTuple):
    """How a page opts out, and where it says so."""

    outcome: Outcome
    said: str


def opted_out(headers: Mapping[str, str], head: bytes, agent: str) -> OptOut | None:
    """How a page opts out, None if it does not.

    `headers` have lower-case names, several `X-Robots-Tag` headers one a line; `head` is
    the beginning of the decompressed body.  A directive for another crawler does not count.
    """
    said: dict[str, str] = {}
    for directive in header_directives(headers.get("x-robots-tag", ""), agent):
        said.setdefault(directive, f"X-Robots-Tag: {directive}")
    reserved, where = headers.get("tdm-reservation", "").strip(), "header"
    for name, content in _metas(head[:_HEAD_BYTES].decode("latin-1")):
        if name in ("robots", agent.lower()):
            for directive in re.split(r"[\s,;]+", content.lower()):
                said.setdefault(directive, f"meta {name}: {directive}")
        elif name == "tdm-reservation" and content.strip() in ("0", "1"):
            reserved, where = content.strip(), "meta"  # it stands above the header (TDMRep)
    if reserved == "1":
        return OptOut(Outcome.TDM, f"tdm-reservation by {where}")
    for directive, outcome in DIRECTIVES.items():
        if directive in said:
            return OptOut(outcome, said[directive])
    return None


def header_directives(value: str, agent: str) -> Iterator[str]:
    """The directives of X-Robots-Tag headers that hold for `agent`, in lower case.

    A crawler's name holds for all that follows it in its header, up to the next name:
    `otherbot: noindex, noarchive` says nothing to us.
    """
    for line in value.lower().split("\n"):
        ours = True
        for part in line.split(","):
            name, colon, rest = (piece.strip() for piece in part.partition(":"))
            if colon and name not in _VALUED and _AGENT.fullmatch(name):
                ours, name = name in ("*", "robots", agent.lower()), rest.partition(":")[0]
            if ours:
                yield from name.split()


def _metas(head: str) -> Iterator[tuple[str, str]]:
    """(name in lower case, content) of the meta tags."""
    for tag in _META.finditer(head):
        named, found = _NAME.search(tag[0]), _CONTENT.search(tag[0])
        if named and found:
            yield named[1].lower(), next((group for group in found.groups() if group), "")
