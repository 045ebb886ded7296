"""Opt-outs that come with a page: X-Robots-Tag, meta robots, TDM reservation.

`noai` and `noml` are the directives of DeviantArt and of Spawning, which img2dataset
honours; `tdm-reservation` is the W3C community group's TDMRep (2024-05-10).  A page
that asks not to be indexed or archived is left alone as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

DIRECTIVES = frozenset({"noai", "noml", "noindex", "noarchive", "none"})
_HEAD_BYTES = 1 << 16
# Two bounded steps (a tag, then its name): one expression for both is quadratic on hostile pages.
_META = re.compile(r"<meta\s[^>]{0,1000}>", re.I)
_NAME = re.compile(r"\bname\s*=\s*[\"']?(robots|tdm-reservation)\b", re.I)
_CONTENT = re.compile(r"content\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.I)


def opted_out(headers: Mapping[str, str], head: bytes, agent: str) -> str | None:
    """The directive by which a page opts out, None if it does not.

    `headers` have lower-case names; `head` is the beginning of the decompressed body.
    A directive for another crawler (`otherbot: noindex`) does not count.
    """
    if headers.get("tdm-reservation", "").strip() == "1":
        return "tdm-reservation"
    for part in headers.get("x-robots-tag", "").split(","):
        name, colon, directive = part.rpartition(":")
        if colon and name.strip().lower() not in ("", agent.lower()):
            continue
        if directive.strip().lower() in DIRECTIVES:
            return directive.strip().lower()
    return _in_meta(head[:_HEAD_BYTES].decode("latin-1"))


def _in_meta(head: str) -> str | None:
    for tag in _META.finditer(head):
        named = _NAME.search(tag[0])
        if named is None:
            continue
        found = _CONTENT.search(tag[0])
        content = next((group for group in found.groups() if group), "") if found else ""
        if named[1].lower() == "tdm-reservation":
            if content.strip() == "1":
                return "tdm-reservation"
            continue
        for directive in content.lower().split(","):
            if directive.strip() in DIRECTIVES:
                return directive.strip()
    return None
