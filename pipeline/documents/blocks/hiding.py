"""What a page hides: from everyone, from screen readers, from eyes, or until it is unfolded."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborNode

from pipeline.documents.blocks import names as marks

#: Bits of `Layout.hidden`.  FOLDED is what the page shows when the reader unfolds it.
HIDDEN, ARIA_HIDDEN, UNSEEN, FOLDED = 1, 2, 4, 8
#: Attributes that may hide an element.
HIDING = frozenset(("hidden", "style", "aria-hidden"))
_FOLDING = marks.FAMILY["fold"]
#: What a menu or a dialog hides is no part of the text, whoever unfolds it.
_NO_PANES = sum(marks.FAMILY[name] for name in ("modal", "nav", "head", "foot"))
_PANE = re.compile(r"tab-?pane|tabs?-?(?:content|panel)", re.IGNORECASE)
#: Attributes that name, by its id, the element that something shows and hides.
_CONTROLLING = ("aria-controls", "data-target", "data-bs-target")
_CONTROLS = ", ".join(f"[{name}]" for name in _CONTROLLING)


def hidden_by(attributes: marks.Attributes) -> int:
    """HIDDEN and ARIA_HIDDEN, where the attributes of an element say so."""
    found = 0
    if "hidden" in attributes and attributes["hidden"] != "until-found":
        found = HIDDEN
    style = attributes.get("style")
    if style and ("none" in style or "hidden" in style):
        style = style.replace(" ", "").lower()
        if "display:none" in style or "visibility:hidden" in style:
            found = HIDDEN
    if attributes.get("aria-hidden") == "true":
        found |= ARIA_HIDDEN
    return found


class Hiding:
    """How the elements of one page are hidden."""

    def __init__(self, root: LexborNode | None) -> None:
        self._root = root
        self._controlled: frozenset[str] | None = None  # ids that something shows and hides

    def of(
        self, tag: str, attributes: marks.Attributes, names: str, name_marks: int, families: int
    ) -> int:
        """The bits of an element: what its names say (`marks`), and the families of all around."""
        if tag == "dialog" and "open" not in attributes:
            return HIDDEN
        found = hidden_by(attributes)
        if name_marks & marks.UNSEEN:
            found |= UNSEEN
        if found & HIDDEN and (families & _FOLDING or self._is_pane(attributes, names, families)):
            return found ^ HIDDEN | FOLDED
        return found

    def _is_pane(self, attributes: marks.Attributes, names: str, families: int) -> bool:
        """Whether a hidden element is a part that the reader may show, by a tab or a title."""
        if families & _NO_PANES:
            return False
        if "aria-labelledby" in attributes or _PANE.search(names):
            return True
        if self._controlled is None:
            self._controlled = _controlled_ids(self._root)
        return attributes.get("id") in self._controlled


def _controlled_ids(root: LexborNode | None) -> frozenset[str]:
    found = set[str]()
    if root is not None:
        for node in root.css(_CONTROLS):
            attributes = node.attributes
            for name in _CONTROLLING:
                found.update(part.lstrip("#") for part in (attributes.get(name) or "").split())
    return frozenset(found)
