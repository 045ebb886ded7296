"""Which blocks a page's head speaks of, and what it says about the kind of page.

JSON-LD often holds the text itself (`articleBody`, the `text` of posts), so a block found there is
main text; a description is what the page is about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import numpy as np

from pipeline.documents.blocks.numbers import Column
from pipeline.documents.head import Head

_TEXTS = re.compile(r'"(?:articleBody|text|description|reviewBody)"\s*:\s*"((?:[^"\\]|\\.){20,})"')
_NO_LETTERS = re.compile(r"[\W_]+")
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)")
_TYPE = re.compile(r'"@type"\s*:\s*\[?\s*"(\w{1,40})"')
#: Kinds of page by schema.org's types.
_TYPES = {
    "article": {"Article", "NewsArticle", "ReportageNewsArticle", "BlogPosting", "TechArticle",
                "Recipe"},
    "product": {"Product", "ProductGroup"},
    "thread": {"QAPage", "DiscussionForumPosting", "Question"},
    "list": {"ItemList", "CollectionPage"},
}  # fmt: skip
_MOST_TYPES = 60
#: Kinds of page by words in the address.
_IN_ADDRESS = {
    "thread": r"thread|topic|forum|question|/issues?/|discussion|/t/|comments|/r/|message"
    r"|community",
    "product": r"product|/p/|/dp/|/item|shop/|/itm",
    "manual": r"docs?\b|manual|reference|/api|guide|wiki|help|tutorial|learn|documentation"
    r"|handbook",
    "list": r"categor|/tag|collections?/|archive|search|browse|/list|/c/|/cat|store",
    "article": r"blog|news|article|story|/(?:19|20)\d\d/|post",
}
_ADDRESS = {kind: re.compile(pattern) for kind, pattern in _IN_ADDRESS.items()}
_OPEN_GRAPH = {"article": 1, "product": 2, "website": 3}
_OTHER_GRAPH = 4

#: Characters of a block that are looked for, and the fewest that tell something.
_LOOKED_FOR, _FEWEST = 120, 15
_LONG_ENOUGH = 25
_PART_OF_TITLE = 15


def letters(text: str) -> str:
    """Lower-case letters and digits alone, for comparing."""
    return _NO_LETTERS.sub("", text).lower()


def told(texts: Sequence[str], head: Head) -> Column:
    """2 for blocks that JSON-LD holds, 1 for those of the description, else 0."""
    found = np.zeros(len(texts), dtype=np.int64)
    bodies = [letters(_ESCAPE.sub(" ", body)) for body in _TEXTS.findall(head.json_ld)]
    body = "\n".join(bodies)
    metas = head.metas
    description = letters(metas.get("og:description") or metas.get("description", ""))
    if not body and not description:
        return found
    for row, text in enumerate(texts):
        if len(text) < _LONG_ENOUGH:
            continue
        start = letters(text[: 3 * _LOOKED_FOR])[:_LOOKED_FOR]
        if len(start) < _FEWEST:
            continue
        if start in body:
            found[row] = 2
        elif description and start in description:
            found[row] = 1
    return found


def titled(texts: Sequence[str], head: Head) -> Column:
    """3 for blocks that are the title, 2 for long parts of it, 1 for short parts, else 0."""
    found = np.zeros(len(texts), dtype=np.int64)
    full = head.title.lower()
    graph = head.metas.get("og:title", "").lower() or full
    most = max(len(full), len(graph))
    for row, text in enumerate(texts):
        chars = len(text)
        if _WORD < chars <= most:
            lower = text.lower()
            if lower in (full, graph):
                found[row] = 3
            elif lower in full or lower in graph:
                found[row] = 2 if chars > _PART_OF_TITLE and chars * 3 > most else 1
    return found


_WORD = 3  # characters; shorter blocks are in any title


def kinds(head: Head) -> dict[str, int]:
    """What the head says of the kind of page, each as a number."""
    types = set(_TYPE.findall(head.json_ld)[:_MOST_TYPES])
    parts = urlsplit(head.url)
    address = f"{parts.netloc}{parts.path}?{parts.query}".lower()
    path = parts.path.strip("/")
    graph = head.metas.get("og:type", "").lower()
    return {
        **{f"ld_{kind}": int(bool(types & named)) for kind, named in _TYPES.items()},
        **{f"address_{kind}": int(bool(rx.search(address))) for kind, rx in _ADDRESS.items()},
        "address_depth": min(path.count("/") + 1, 8) if path else 0,
        "open_graph": _OPEN_GRAPH.get(graph, _OTHER_GRAPH if graph else 0),
    }
