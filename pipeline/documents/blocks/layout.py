"""One walk over a parsed page: its block-level elements as a table, its text as blocks.

A block is a run of text within one block-level element, unbroken by another: a paragraph, a cell,
an item, a button's label, a whole <pre>.  Inline elements make no element of their own; what they
say (a link, a hidden word, a class) is kept with the block.

The walk costs as much as all that follows, so what is asked of a node's ancestors is one tuple.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.documents.blocks import names as marks
from pipeline.documents.blocks import tags
from pipeline.documents.blocks.buttons import heads_a_part
from pipeline.documents.blocks.formula import formula, pictured, unwrap
from pipeline.documents.blocks.hiding import HIDDEN, HIDING, Hiding, hidden_by
from pipeline.documents.blocks.joints import begins_a_word
from pipeline.documents.blocks.lexicon import NO_NAMES, WordWeights
from pipeline.documents.blocks.streamed import place_streamed_parts

#: A line break that the page asks for, while a block is gathered.
_BREAK = "\x1f"

#: Bit of `Layout.inner`, beside those of families: a link to a person, by its address.
PERSON = 1 << 60
#: And one: a link to a place on the page itself.
WITHIN_PAGE = 1 << 61
#: Ids of headings and terms, and of anchors within them, are made of their texts.
_SLUGGED = frozenset(("h1", "h2", "h3", "h4", "h5", "h6", "dt"))
_PEOPLE = re.compile(r"/(?:u|users?|members?|profiles?|authors?)/")
_MAIL = "mailto:"
_QUOTATION = tags.BIT["blockquote"]


@dataclass(frozen=True, slots=True)
class Layout:
    """What a walk gives, in the order of the page, so a parent comes before its children."""

    # One entry an element.
    parent: Sequence[int]  # its number; -1 for the root
    tag: Sequence[int]  # tags.NUMBER
    names: Sequence[str]
    own: Sequence[int]  # families of its names, marks.FAMILY
    above: Sequence[int]  # and of those it lies in
    telling: Sequence[int]  # tags.BIT of itself and those it lies in
    own_score: Sequence[int]  # the lexicon's scores of its names (`lexicon.NameScores`)
    near_score: Sequence[int]
    far_score: Sequence[int]  # of itself and all that it lies in
    depth: Sequence[int]
    nth: Sequence[int]  # among its siblings
    first: Sequence[int]  # its blocks begin here
    hidden: Sequence[int]
    code: Sequence[int]  # the outermost verbatim element that it lies in, or -1
    linked: Sequence[bool]
    last: Sequence[int]  # its blocks end before this one
    # One entry a block.
    text: Sequence[str]
    owner: Sequence[int]  # the number of its element
    links: Sequence[int]
    link_chars: Sequence[int]
    inner: Sequence[int]  # families of the inline elements in it, PERSON, WITHIN_PAGE
    breaks: Sequence[int]  # lines less one
    # Of few elements.
    images: Sequence[int]  # the elements that images stand in
    starts: Mapping[int, int]  # the first number of an <ol> that has `start`


#: Where a node lies: number of its block-level element, whether in a link, whether its text is
#: dropped; and of that element: code, hidden, above, telling, depth, far score.
_Place = tuple[int, bool, bool, int, int, int, int, int, int]
_ROOT: _Place = (-1, False, False, -1, 0, 0, 0, -1, 0)
_ELEMENT_COLUMNS, _BLOCK_COLUMNS = 15, 6


def read_layout(parser: LexborHTMLParser, lexicon: WordWeights) -> Layout:
    """The elements and blocks of a page."""
    walk = _Walk(lexicon)
    if (root := parser.root) is not None:
        place_streamed_parts(parser)
        walk.take_all(root)
    return walk.layout()


class _Walk:
    """The state of a walk."""

    def __init__(self, lexicon: WordWeights) -> None:
        self._describe = lexicon.describe
        self._elements: list[tuple[Any, ...]] = []  # the columns of `Layout`, a row an element
        self._last: list[int] = []
        self._blocks: list[tuple[Any, ...]] = []
        self._images: list[int] = []
        self._starts: dict[int, int] = {}
        self._open: list[int] = []  # elements that are not closed
        self._kids: list[int] = []  # children so far, of each element
        self._run: list[str] = []  # pieces of the block that is being gathered
        self._owner = -1
        self._code = False  # whether that block is verbatim
        self._any_code = False  # whether the page has a verbatim element so far
        self._links = self._chars = self._inner = self._breaks = 0

    def take_all(self, root: LexborNode) -> None:  # noqa: PLR0912 - calls would cost more
        """Takes in all nodes in their order; most of a walk's time, so with few calls."""
        self._hiding = Hiding(root)
        run, opened = self._run, self._open
        inline, numbered = tags.INLINE, tags.NUMBER
        around = self._block(root, "html", _ROOT)
        if around is None:
            return
        # From sibling to sibling: an iterator for each element's children costs half as much again.
        node, waiting = root.first_child, list[tuple[LexborNode, _Place]]()
        while True:
            while node is not None:
                tag = node.tag
                if tag == "-text":
                    if not around[2]:
                        text = node.text_content or ""
                        if run:
                            run.append(text)
                            if around[1]:
                                self._chars += len(text.strip())
                        # Half of all texts are the white space between elements.
                        elif not text.isspace() or self._any_code:
                            self._text(text, around)
                    node = node.next
                    continue
                if tag in inline:
                    inner = self._inline(node, tag, around)
                elif tag in numbered:
                    inner = self._block(node, tag, around)
                else:
                    inner = self._other(node, tag, around)
                if inner is None:
                    node = node.next
                else:
                    waiting.append((node, around))
                    node, around = node.first_child, inner
            if not waiting:
                break
            node, around = waiting.pop()
            node = node.next
            if opened[-1] != around[0]:
                self._close()

    def layout(self) -> Layout:
        """Closes what is open, and turns rows into columns."""
        while self._open:
            self._close()
        self._flush()
        columns: list[Any] = list(zip(*self._elements, strict=True)) or [()] * _ELEMENT_COLUMNS
        columns += [self._last, *(list(zip(*self._blocks, strict=True)) or [()] * _BLOCK_COLUMNS)]
        columns += [self._images, self._starts]
        return Layout(*columns)

    def _text(self, text: str, around: _Place) -> None:
        run = self._run
        if not run:
            code = around[3]
            if code < 0 and text.isspace():
                return
            # Code is one block, however many elements its lines and colours are.
            self._code = code >= 0
            self._owner = code if self._code else around[0]
        run.append(text)
        if around[1]:
            self._chars += len(text.strip())

    def _other(self, node: LexborNode, tag: str | None, around: _Place) -> _Place | None:
        """Takes in a node of a rare kind; gives where what it holds lies, if that is text."""
        if tag == "script":
            if (node.attributes.get("type") or "").startswith("math/tex"):
                self._text(f" {unwrap(node.text(deep=True))} ", around)  # MathJax 2
        elif tag is None or tag in tags.NEVER_TEXT or tag == "-comment":
            return None  # React parts the texts of one line by comments
        elif tag == "br":
            self._line_break()
        elif tag == "img":
            self._image(node, around)
        elif tag == "hr":
            self._flush()
        elif tag == "math":
            self._text(formula(node), around)
        elif tag == "button":
            attributes = node.attributes
            if heads_a_part(node, attributes, around[6], around[5]):
                return self._block(node, tag, around)
        elif "-" in tag or tag in tags.VERBATIM:
            return self._block(node, tag, around)
        else:
            return self._inline(node, tag, around)
        return None

    def _image(self, node: LexborNode, around: _Place) -> None:
        self._images.append(around[0])
        if not around[2] and (tex := pictured(node)):
            self._text(f" {tex} ", around)

    def _inline(self, node: LexborNode, tag: str, around: _Place) -> _Place | None:
        if tag == "cite" and not self._run and around[6] & _QUOTATION:
            return self._block(node, tag, around)  # who is quoted, on a line of its own
        run = self._run
        if run and around[3] < 0 and begins_a_word(node, tag, run[-1]):
            run.append(" ")
        attributes = node.attributes
        if attributes:
            linked, dropped = around[1], around[2]
            if names := marks.names_of(attributes, slug=True):
                families, name_marks, _ = self._describe(names)
                if name_marks:
                    if _is_dropped(node, tag, name_marks):
                        return None
                    if name_marks & marks.LINE and around[3] >= 0:
                        self._code_line()
                    dropped = dropped or bool(name_marks & marks.UNSEEN)
                self._inner |= families
            if not HIDING.isdisjoint(attributes) and hidden_by(attributes) & HIDDEN:
                dropped = True
            if tag == "a" and "href" in attributes:
                linked = True
                self._links += 1
                address = attributes["href"] or ""
                if address[:1] == "#":
                    self._inner |= WITHIN_PAGE
                elif address.startswith(_MAIL) or _PEOPLE.search(address):
                    self._inner |= PERSON
            if linked != around[1] or dropped != around[2]:
                element, _, _, code, hidden, above, telling, depth, far = around
                return element, linked, dropped, code, hidden, above, telling, depth, far
        return around

    def _block(self, node: LexborNode, tag: str, around: _Place) -> _Place | None:
        element, linked, dropped, code, hidden, above, telling, depth, far = around
        attributes = node.attributes
        names = marks.names_of(attributes, tag in _SLUGGED) if attributes else ""
        families, name_marks, (own, near, more) = self._describe(names) if names else NO_NAMES
        if name_marks and (
            _is_dropped(node, tag, name_marks)
            or (name_marks & marks.NEVER_IN_POSTS and above & marks.POSTS)
        ):
            return None
        hides = name_marks or not HIDING.isdisjoint(attributes) or tag == "dialog"
        number, nth = len(self._elements), 0
        if code < 0:
            if self._run or self._links or self._inner:
                self._flush()
            if (
                tag in tags.VERBATIM
                or name_marks & marks.VERBATIM
                or (hides and tags.keeps_space(attributes.get("style")))
            ):
                code, self._any_code = number, True
        elif self._run and not self._run[-1].endswith("\n"):
            self._run.append("\n")
        if hides:
            hidden |= self._hiding.of(tag, attributes, names, name_marks, above | families)
        above |= families
        telling |= tags.BIT.get(tag, 0)
        depth += 1
        far += more
        if element >= 0:
            nth = self._kids[element]
            self._kids[element] = nth + 1
        self._kids.append(0)
        self._elements.append(
            (
                element, tags.NUMBER.get(tag, 0), names, families, above, telling,
                own, near, far, depth, nth, len(self._blocks) + bool(self._run), hidden, code,
                linked,
            )
        )  # fmt: skip
        self._last.append(0)
        self._open.append(number)
        if tag == "ol" and (start := attributes.get("start")) and start.isdecimal():
            self._starts[number] = int(start[:9])
        return number, linked, dropped, code, hidden, above, telling, depth, far

    def _code_line(self) -> None:
        """Begins a line of code, where no character has ended the one before."""
        if self._run and self._run[-1].rpartition("\n")[2].strip():
            self._run.append("\n")

    def _line_break(self) -> None:
        run = self._run
        if not run:
            return
        if self._code:
            run.append("\n")
            return
        last = len(run) - 1
        while last > 0 and run[last] != _BREAK and run[last].isspace():
            last -= 1
        if run[last] == _BREAK:  # an empty line parts paragraphs
            self._flush()
        else:
            run.append(_BREAK)
            self._breaks += 1

    def _close(self) -> None:
        """Closes the innermost element, which ends its block and range."""
        closed = self._open.pop()
        if (self._run or self._links or self._inner) and (not self._code or closed == self._owner):
            self._flush()
        self._last[closed] = len(self._blocks) + bool(self._run)

    def _flush(self) -> None:
        """Ends the block that is being gathered."""
        if self._run:
            joined = "".join(self._run) if len(self._run) > 1 else self._run[0]
            self._run.clear()
            if self._code:
                text = "" if joined.isspace() else joined.strip("\r\n")
                self._code = False
            elif self._breaks:
                lines = (" ".join(line.split()) for line in joined.split(_BREAK))
                text = "\n".join(filter(None, lines))
            else:
                text = " ".join(joined.split())
            if text:
                self._blocks.append(
                    (text, self._owner, self._links, self._chars, self._inner, self._breaks)
                )
        self._links = self._chars = self._inner = self._breaks = 0


def _is_dropped(node: LexborNode, tag: str, name_marks: int) -> bool:
    """Whether the names of an element say that none of it is text."""
    if name_marks & marks.NUMBERS:
        return not any(map(str.isalpha, node.text(deep=True)))
    return bool(name_marks & marks.NEVER_TEXT) and tag != "mjx-container"
