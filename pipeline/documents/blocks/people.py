"""Names of authors and what stands with them, none of which is text: no names are stored.

A block is about a person by the names of its element, of the two around it, or of a link in it.
Ids say nothing here: those of headings and terms are made of their texts ("authorization").  Names
in the cells of a table of data are what it lists.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.documents.blocks import tags
from pipeline.documents.blocks.layout import PERSON, Layout
from pipeline.documents.blocks.names import FAMILY, POSTS, words
from pipeline.documents.blocks.numbers import Chosen, Column, places_of
from pipeline.documents.blocks.structure import Structure
from pipeline.documents.blocks.tables import DataTable

#: A block about a person has at most so many words, and is named by one of so many elements.
_NAME_WORDS, _NEAR_ELEMENTS = 10, 3
#: Without more words a line that names somebody says nothing else.
_BARE_WORDS = 4
_SENTENCE_ENDS = frozenset(".!?…。！？")
_AUTHOR = FAMILY["author"] | PERSON
_ID = re.compile(r"#\S+")
_ABOUT_PERSON = frozenset(
    "author authors authorname authorinfo authorbox byline bylines avatar avatars profile profiles "
    "user users username userinfo userid usertitle userdetails member members membername "
    "memberinfo poster posters postauthor bio contributor contributors vcard nickname".split()
)
#: Elements named so hold what somebody wrote, whoever it was: XenForo's `message-userContent`,
#: IP.Board's `ipsRichText--user`, the tags and authors that WordPress gives a whole post.
_HOLDS_TEXT = re.compile(r"content|richtext|hentry|post-(?:\d|type|body)", re.IGNORECASE)
_BESIDE_NAME = re.compile(
    r"(?:^|[\s_-])(?:meta|byline|posthead|post[-_]header|info|details|date)", re.IGNORECASE
)
_WHEN = re.compile(
    r"\b(?:\d{1,2}:\d\d|\d{4}|ago|yesterday|today|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov"
    r"|dec)[a-z]*)\b",
    re.IGNORECASE,
)
_BY = re.compile(r"(?:by|posted by|written by|author)\b", re.IGNORECASE)


def people(
    layout: Layout, tree: Structure, tables: Sequence[DataTable], word_counts: Column
) -> Chosen:
    """Short blocks that name an author."""
    named = tree.inner
    for element in tree.up[:_NEAR_ELEMENTS]:
        named = named | tree.families[element]
    about: Chosen = (word_counts <= _NAME_WORDS) & (named & _AUTHOR != 0)
    for table in tables:
        if not layout.above[table.element] & POSTS:
            about[table.first : table.last] = False
    for block in places_of(about):
        about[block] = layout.text[block][-1] not in _SENTENCE_ENDS and _is_about_person(
            layout, block
        )
    return about


def _is_about_person(layout: Layout, block: int) -> bool:
    text, inner, element = layout.text[block], layout.inner[block], layout.owner[block]
    linked = min(layout.link_chars[block], len(text))
    heading = layout.tag[element] in tags.HEADINGS
    for level in range(_NEAR_ELEMENTS):
        names = _ID.sub("", layout.names[element])
        if level and _HOLDS_TEXT.search(names):
            break
        if not _ABOUT_PERSON.isdisjoint(words(names)):
            return True
        if inner & _AUTHOR and not heading and _BESIDE_NAME.search(names):
            return True
        element = max(layout.parent[element], 0)
    if heading:
        return bool(inner & PERSON) and 5 * linked >= 4 * len(text)
    if inner & PERSON and _WHEN.search(text):
        return True
    return bool(inner & _AUTHOR) and (
        2 * linked >= len(text) or _BY.match(text) is not None or len(text.split()) <= _BARE_WORDS
    )
