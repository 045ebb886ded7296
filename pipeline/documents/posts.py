"""Posts of a thread that a page gives in JSON-LD, where its markup lacks them.

Forums that a script draws send their posts to search engines as schema.org's QAPage (a question
and its answers) or DiscussionForumPosting (a post and its comments).  Each becomes paragraphs of
its own; names are not read.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from pipeline.documents.blocks.layout import read_layout
from pipeline.documents.blocks.lexicon import WordWeights
from pipeline.documents.blocks.render import render, without_unseen
from pipeline.documents.blocks.structure import structure
from pipeline.documents.blocks.told import letters
from pipeline.documents.json_ld import DEEPEST, documents, whole_characters
from pipeline.store.unspaced import count_words

#: Types of threads, by their name or by its address ("https://schema.org/QAPage").
_THREAD = re.compile(r"(?:^|[\"/:#])(?:QAPage|DiscussionForumPosting)(?:\"|$)")
#: What an object of schema.org holds its text in, and those that follow it.
_TEXTS = ("text", "articleBody")
_FOLLOWING = ("mainEntity", "acceptedAnswer", "suggestedAnswer", "comment", "hasPart", "@graph")
_MOST_POSTS = 500
_TAG = re.compile(r"<[a-zA-Z/]")
_GAP = re.compile(r"\n{3,}")
_NO_WEIGHTS = WordWeights({}, {})
#: A post stands in a text by so many pieces of so many letters, of which the text has this share;
#: JSON-LD may leave out quotations and code, so not all need to be there.
_PIECES, _PIECE_LETTERS, _STANDS = 20, 12, 0.5
#: Between these shares the text has the beginning of a post, and the rest behind a link.
_PART, _WHOLE = 0.1, 0.8
#: Shorter paragraphs beside the posts are what the site says, not a text of its own.
_FEW_WORDS = 8


def read_posts(json_ld: str) -> list[str]:
    """The posts in the JSON-LD of a page as plain text, in their order; none elsewhere."""
    if not _THREAD.search(json_ld):
        return []
    posts: dict[str, str] = {}
    for document in documents(json_ld):
        for text in _texts(document, within=False, depth=0):
            post = _plain(text)
            posts.setdefault(letters(post), post)
            if len(posts) >= _MOST_POSTS:
                break
    return [post for said, post in posts.items() if said]


def with_posts(text: str, posts: Sequence[str]) -> str:
    """A text with the posts that it lacks; itself where it has all."""
    if not posts:
        return text
    said = letters(text)
    shares = [_share(post, said) for post in posts]
    missing = [post for post, share in zip(posts, shares, strict=True) if share < _STANDS]
    if not missing:
        return text
    told = letters("\n".join(posts))
    others = any(
        count_words(paragraph) >= _FEW_WORDS and _share(paragraph, told) < _STANDS
        for paragraph in text.split("\n\n")
    )
    shown = len(posts) - len(missing)
    follow = min(shares[:shown], default=1) >= _WHOLE and max(shares[shown:]) <= _PART
    return "\n\n".join([text, *missing] if text and (follow or others) else posts)


def _texts(item: Any, within: bool, depth: int) -> Iterator[str]:
    """Texts of an object of a thread and of what follows it; `within` a thread already."""
    if depth > DEEPEST:
        return
    if isinstance(item, list):
        for one in item:
            yield from _texts(one, within, depth + 1)
    elif isinstance(item, dict):
        kind = item.get("@type")
        kinds = kind if isinstance(kind, list) else [kind]
        within = within or any(isinstance(name, str) and _THREAD.search(name) for name in kinds)
        if within:
            for name in _TEXTS:
                yield from _strings(item.get(name))
        for name in _FOLLOWING:
            yield from _texts(item.get(name), within, depth + 1)


def _strings(value: Any) -> Iterator[str]:
    """A text, or each of several; one that names its language is an object."""
    for one in value if isinstance(value, list) else [value]:
        text = one.get("@value") if isinstance(one, dict) else one
        if isinstance(text, str):
            yield text


def _plain(text: str) -> str:
    """A post as plain text: it may be HTML, HTML that was escaped once more, or plain."""
    text = whole_characters(text)
    if not _TAG.search(text):
        text = html.unescape(text)
    if not _TAG.search(text):
        lines = (" ".join(line.split()) for line in text.split("\n"))
        return _GAP.sub("\n\n", without_unseen("\n".join(lines))).strip()
    layout = read_layout(LexborHTMLParser(text), _NO_WEIGHTS)
    if not layout.text:
        return ""
    return render(layout, structure(layout), [True] * len(layout.text))


def _share(post: str, said: str) -> float:
    """How much of a post a text has, of which `letters` are given: by pieces of the post."""
    own = letters(post)
    step = max(_PIECE_LETTERS, len(own) // _PIECES)
    pieces = [own[at : at + _PIECE_LETTERS] for at in range(0, len(own), step)]
    return sum(piece in said for piece in pieces) / max(len(pieces), 1)
