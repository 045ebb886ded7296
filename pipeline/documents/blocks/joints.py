"""Where a style, and no character, parts two words: "Matinique" and "Summer jacket" of a shop.

Sites put the brand and the name of an item, or the tags of a post, into inline elements that touch
and let margins part them; as text they would be one word.
"""

from __future__ import annotations

from selectolax.lexbor import LexborNode

_INLINE = frozenset(("span", "a", "strong", "b", "small", "label", "em", "i", "time"))
#: A word begins with these after small letters, figures and signs.
_BEGINS, _ENDS = "$€£(", ")®™"
_NAMED = frozenset(("class", "role", "href"))
#: Shorter parts are letters of a word that is decorated.
_WORD_CHARS = 2
#: So many nodes of an element are looked at.
_NEAR = 8


def begins_a_word(node: LexborNode, tag: str, before: str) -> bool:
    """Whether an inline element begins a new word right after the text `before`."""
    last = before[-1:]
    if tag not in _INLINE or not (last.isalnum() or last in _ENDS):
        return False
    previous = node.prev
    while previous is not None and previous.tag == "-comment":
        previous = previous.prev
    if previous is None or previous.tag not in _INLINE:
        return False
    text = _first_text(node)
    first = text[:1]
    if not first or not (first.isalnum() or first in _BEGINS):
        return False
    if (first.isupper() or first in _BEGINS) and not (last.isalpha() and not last.islower()):
        return True
    return (
        previous.tag == tag
        and not _NAMED.isdisjoint(node.attributes)
        and not _NAMED.isdisjoint(previous.attributes)
        and min(len(text.strip()), len(_first_text(previous).strip())) >= _WORD_CHARS
    )


def _first_text(node: LexborNode) -> str:
    """The text of the first nodes in an element; all of it may be the whole page."""
    within = zip(node.traverse(include_text=True), range(_NEAR), strict=False)
    return "".join(part.text_content or "" for part, _ in within if part.tag == "-text")
