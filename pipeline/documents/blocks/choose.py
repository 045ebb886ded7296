"""From chances to a choice: which blocks are the text.

The bound is each page's own: the one for which the expected F1 of the chosen words is highest, if
chances are taken at their word; on a short page it is so high that a list between two paragraphs
fails it, so gaps are closed.  Then come rules that no chance decides: captions by setting,
what no reader sees, names of authors, lines of forum software, tables as a whole, titles and
quotations that stand there already.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import numpy.typing as npt

from pipeline.documents.blocks import tags
from pipeline.documents.blocks.layout import FOLDED, HIDDEN, PERSON, UNSEEN, Layout
from pipeline.documents.blocks.names import FAMILY
from pipeline.documents.blocks.numbers import Column
from pipeline.documents.blocks.structure import Structure
from pipeline.documents.blocks.tables import data_tables
from pipeline.documents.blocks.thread_lines import MOST_WORDS, is_thread_line
from pipeline.documents.blocks.told import letters

Chosen = npt.NDArray[np.bool_]

_CELL_WORDS = 50
#: The least chance, in thousandths, of blocks that stand between chosen ones, or are like them.
_BETWEEN = 200
#: Longer blocks are no captions, whatever names say.
_CAPTION_CHARS = 400
#: A block about a person has at most so many words, and is named by one of so many elements.
_NAME_WORDS, _NEAR_ELEMENTS = 10, 3
_SENTENCE_ENDS = frozenset(".!?…。！？")
_PARAGRAPH = tags.NUMBER["p"]
#: A paragraph with so many tenths of its characters in links is one; a text with one of so many
#: characters in links lists them.
_LINKED_BLOCK, _LINKED_TEXT = 9, 5
#: Blocks of one kind are text when all but one of so many of their words are.
_MOST_OF = 10
_ID = re.compile(r"#\S+|\d+")
_POSTS = FAMILY["post"] | FAMILY["comment"]
_BESIDE = FAMILY["side"] | FAMILY["nav"] | FAMILY["foot"] | FAMILY["related"]
_NOSCRIPT = tags.BIT["noscript"]
#: Links of at most so many words, so often on a page, are buttons.
_LINK_WORDS, _OFTEN = 3, 3
#: Line numbers have fewer figures than this.
_FIGURES = 7
_FIGURE = tags.BIT["figcaption"]
_QUOTATION = tags.BIT["blockquote"]
#: Shorter quotations may stand twice by chance.
_QUOTE_WORDS = 8


def choose(
    layout: Layout, tree: Structure, chance: Column, words: Column, title: str, captions: bool
) -> Chosen:
    """The blocks that are the text.  `chance` in thousandths, `words` how many a block has."""
    chance = _tables_whole(layout, tree, chance, words)
    chosen = chance >= best_bound(chance, words)
    links, chars = _link_chars(layout)
    _close_gaps(tree, chance, 2 * links < chars, chosen)
    _posts_whole(layout, tree, chance, words, 2 * links < chars, chosen)
    if not captions:
        chosen &= ~_captions(tree, chars)
    chosen &= ~_unseen(tree, chosen, words)
    chosen &= ~_notices(tree, chosen, words)
    chosen &= ~_calls(tree, links, chars, chosen)
    chosen &= ~_repeated_links(layout, (words <= _LINK_WORDS) & (links == chars))
    chosen &= ~_line_numbers(layout, tree)
    chosen &= ~_people(layout, tree, words)
    quoted = _quoted(tree)
    chosen &= ~_quoted_again(layout, quoted, words)
    chosen &= ~_thread_lines(layout, chosen & (words <= MOST_WORDS), quoted, links == chars)
    chosen &= ~_titles(layout, tree, chars, title)
    return chosen


def best_bound(chance: Column, words: Column) -> int:
    """The least chance of a chosen block, by the highest expected F1 of words."""
    order = np.argsort(-chance, kind="stable")
    hits = np.cumsum((chance * words)[order])
    expected = int(hits[-1])
    chosen = np.cumsum(words[order])
    # Twice the hits by what is chosen and what is expected; in 1 / 2^20, so in whole numbers.
    score = (hits << 20) // (chosen * 1000 + expected + 1)
    return int(chance[order[int(np.argmax(score))]])


def _close_gaps(tree: Structure, chance: Column, unlinked: Chosen, chosen: Chosen) -> None:
    """Chooses runs of blocks between two chosen ones, one of which has a parent that holds all."""
    fits = (chance >= _BETWEEN) & unlinked
    places = np.flatnonzero(chosen)
    above = tree.above[tree.owner]
    last, following = places[:-1], places[1:]
    within = (following < tree.last[above[last]]) | (last >= tree.first[above[following]])
    gaps = np.flatnonzero(within & (following - last > 1))
    for before, after in zip(last[gaps].tolist(), following[gaps].tolist(), strict=True):
        if fits[before + 1 : after].all():
            chosen[before + 1 : after] = True


def _posts_whole(
    layout: Layout,
    tree: Structure,
    chance: Column,
    words: Column,
    unlinked: Chosen,
    chosen: Chosen,
) -> None:
    """Chooses all blocks of one kind when nearly all their words are: "Thanks, that works."

    Only of elements that are named as posts, themselves or those around them; blocks of one kind
    have elements of the same tag and classes in like ones, whatever their ids are.
    """
    own = tree.families
    named = own[tree.up[0]] | own[tree.up[1]] | own[tree.up[2]]
    fits = (chance >= _BETWEEN) & unlinked & (tree.families_above & _BESIDE == 0)
    kinds: dict[tuple[int, str, str], list[int]] = {}
    for block in np.flatnonzero(fits & (named & _POSTS != 0)).tolist():
        owner = layout.owner[block]
        inner, outer = (
            _ID.sub("", layout.names[element]) for element in (owner, max(layout.parent[owner], 0))
        )
        kinds.setdefault((layout.tag[owner], inner, outer), []).append(block)
    for blocks in kinds.values():
        there = chosen[blocks]
        rest = int(words[blocks][~there].sum())
        if there.sum() >= _OFTEN and _MOST_OF * rest <= int(words[blocks].sum()):
            chosen[blocks] = True


def _tables_whole(layout: Layout, tree: Structure, chance: Column, words: Column) -> Column:
    """A table of data is text or none: its cells share the mean of their chances."""
    weight = np.minimum(words, _CELL_WORDS) + 1
    chance = chance.copy()
    for table in data_tables(layout, tree):
        part = slice(table.first, table.last)
        chance[part] = (chance[part] * weight[part]).sum() // weight[part].sum()
    return chance


def _captions(tree: Structure, chars: Column) -> Chosen:
    """Blocks in a <figcaption>, and short ones that names call so, their own or those around."""
    own = tree.families
    named = (own | own[tree.above])[tree.owner] & FAMILY["legend"] != 0
    captions: Chosen = ((chars < _CAPTION_CHARS) & named) | (tree.telling & _FIGURE != 0)
    return captions


def _calls(tree: Structure, links: Column, chars: Column, chosen: Chosen) -> Chosen:
    """Paragraphs that are one link ("CLICK HERE"), in a text that is no list of links."""
    if _LINKED_TEXT * links[chosen].sum() > chars[chosen].sum():
        return np.zeros_like(chosen)
    calls: Chosen = (tree.tag[tree.owner] == _PARAGRAPH) & (10 * links >= _LINKED_BLOCK * chars)
    return calls


def _notices(tree: Structure, chosen: Chosen, words: Column) -> Chosen:
    """Blocks in <noscript>, unless they are most of the text: then they are the page."""
    notices: Chosen = tree.telling & _NOSCRIPT != 0
    if words[chosen & notices].sum() > words[chosen & ~notices].sum():
        return np.zeros_like(notices)
    return notices


def _repeated_links(layout: Layout, short: Chosen) -> Chosen:
    """Links of few words that the page has several times: "Reply", "Learn more"."""
    repeated = np.zeros_like(short)
    blocks = np.flatnonzero(short)
    texts = [layout.text[block] for block in blocks.tolist()]
    times = Counter(texts)
    repeated[blocks] = [times[text] >= _OFTEN for text in texts]
    return repeated


def _line_numbers(layout: Layout, tree: Structure) -> Chosen:
    """Code that is figures in rows, one more each: numbers of the lines beside them."""
    found = np.zeros(len(layout.text), dtype=np.bool_)
    code = np.array(layout.code, dtype=np.int64)[tree.owner]
    for block in np.flatnonzero(code >= 0).tolist():
        if not layout.text[block].lstrip()[:1].isdecimal():
            continue
        rows = layout.text[block].split()
        if len(rows) > 1 and all(row.isdecimal() and len(row) < _FIGURES for row in rows):
            first = int(rows[0])
            found[block] = [int(row) for row in rows] == list(range(first, first + len(rows)))
    return found


def _people(layout: Layout, tree: Structure, words: Column) -> Chosen:
    """Names of authors and what stands with them: short blocks in elements that are named so."""
    named = np.array(layout.inner, dtype=np.int64)
    for element in tree.up[:_NEAR_ELEMENTS]:
        named = named | tree.families[element]
    people: Chosen = (words <= _NAME_WORDS) & (named & (FAMILY["author"] | PERSON) != 0)
    for block in np.flatnonzero(people).tolist():
        people[block] = layout.text[block][-1] not in _SENTENCE_ENDS
    return people


def _link_chars(layout: Layout) -> tuple[Column, Column]:
    """How many characters of each block are in links, and how many there are."""
    chars = np.fromiter(map(len, layout.text), dtype=np.int64)
    return np.minimum(np.array(layout.link_chars, dtype=np.int64), chars), chars


def _unseen(tree: Structure, chosen: Chosen, words: Column) -> Chosen:
    """Hidden blocks, unless most of the text is hidden: then a script would have shown it."""
    unseen: Chosen = tree.hidden & (HIDDEN | UNSEEN) != 0
    unseen &= tree.hidden & FOLDED == 0
    if words[chosen & unseen].sum() > words[chosen & ~unseen].sum():
        return np.zeros_like(unseen)
    return unseen


def _quoted(tree: Structure) -> Chosen:
    """Blocks of quotations."""
    quoted: Chosen = tree.telling & _QUOTATION != 0
    quoted |= tree.families_above & FAMILY["quote"] != 0
    return quoted


def _thread_lines(layout: Layout, short: Chosen, quoted: Chosen, linked: Chosen) -> Chosen:
    """Short blocks that forum software writes between posts."""
    found = np.zeros_like(short)
    for row in np.flatnonzero(short).tolist():
        found[row] = is_thread_line(layout.text[row], bool(quoted[row]), bool(linked[row]))
    return found


def _quoted_again(layout: Layout, quoted: Chosen, words: Column) -> Chosen:
    """Blocks of a quotation that stand on the page before."""
    repeated = np.zeros(len(layout.text), dtype=np.bool_)
    if quoted.any():
        seen: set[str] = set()
        for row, text in enumerate(layout.text):
            repeated[row] = text in seen
            seen.add(text)
    result: Chosen = repeated & quoted & (words >= _QUOTE_WORDS)
    return result


def _titles(layout: Layout, tree: Structure, chars: Column, title: str) -> Chosen:
    """Headings that are the title, which has a column of its own."""
    found = np.zeros(len(layout.text), dtype=np.bool_)
    wanted = letters(title)
    if wanted:
        levels = tree.tag[tree.owner]
        # A small letter has two characters at most.
        fits = (2 * chars >= len(wanted)) & (chars <= 2 * len(title) + 20)
        for row in np.flatnonzero(fits).tolist():
            if wanted in (written := letters(layout.text[row])):
                heading = int(levels[row]) in tags.HEADINGS
                found[row] = written == wanted or (heading and written == "re" + wanted)
    return found
