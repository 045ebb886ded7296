"""From chances to a choice: which blocks are the text.

The bound is each page's own: the one for which the expected F1 of the chosen words is highest, if
chances are taken at their word.  Before it come tables, terms and lists of contents, which are
text as a whole or not at all; after it what comes with chosen blocks (`fill.py`).  Then rules that
no chance decides leave out captions by setting, what no reader sees, names of authors, lines of
software and sites, titles, quotations and parts that stand there already.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.documents.blocks import tags
from pipeline.documents.blocks.contents import contents
from pipeline.documents.blocks.fill import (
    add_code,
    add_headings,
    close_gaps,
    complete_posts,
    title_buttons,
)
from pipeline.documents.blocks.hiding import FOLDED, HIDDEN, UNSEEN
from pipeline.documents.blocks.interface_lines import MOST_WORDS as INTERFACE_WORDS
from pipeline.documents.blocks.interface_lines import is_interface_line
from pipeline.documents.blocks.layout import Layout
from pipeline.documents.blocks.names import ASIDE, FAMILY
from pipeline.documents.blocks.numbers import Chosen, Column, places_of
from pipeline.documents.blocks.people import people
from pipeline.documents.blocks.repeats import (
    facets,
    often,
    parts_again,
    quoted_again,
    repeated_links,
)
from pipeline.documents.blocks.structure import Structure
from pipeline.documents.blocks.tables import DataTable, data_tables
from pipeline.documents.blocks.tagged import HEADINGS, tagged
from pipeline.documents.blocks.thread_lines import MOST_WORDS, is_thread_line
from pipeline.documents.blocks.told import letters

_CELL_WORDS = 50
#: Terms of a list and what they mean have at most so many words in a pair that is judged as one.
_PAIR_WORDS = 60
#: Longer blocks are no captions, whatever names say.
_CAPTION_CHARS = 400
_PARAGRAPH = tags.NUMBER["p"]
#: Paragraphs in these are what a table or a list says, even if they are one link.
_ENTRIES = HEADINGS | tagged("td", "th", "li", "dd", "dt", "figcaption", "summary")
#: A paragraph with so many tenths of its characters in links is one; a text with one of so many
#: characters in links lists them.
_LINKED_BLOCK, _LINKED_TEXT = 9, 5
_NOSCRIPT = tags.BIT["noscript"]
#: Line numbers have fewer figures than this.
_FIGURES = 7
_CAPTION, _FIGURE = tags.BIT["figcaption"], tags.NUMBER["figure"]
_QUOTATION = tags.BIT["blockquote"]
_IN_TERMS = tags.BIT["dl"]
_TERM, _MEANING, _TERMS = (tags.NUMBER[tag] for tag in ("dt", "dd", "dl"))


def choose(
    layout: Layout, tree: Structure, chance: Column, words: Column, title: str, captions: bool
) -> Chosen:
    """The blocks that are the text.  `chance` in thousandths, `words` how many a block has."""
    tables = list(data_tables(layout, tree))
    links, chars = tree.link_chars, tree.chars
    chance = _tables_whole(tables, chance, words)
    chance = _terms_whole(layout, chance, words)
    chance = np.where(contents(layout, tree, links, chars), 0, chance)
    chosen = chance >= max(best_bound(chance, words), 1)
    unlinked = 2 * links < chars
    close_gaps(tree, chance, unlinked, chosen)
    complete_posts(layout, tree, chance, words, unlinked, chosen)
    add_code(layout, tree, words, chosen)
    add_headings(layout, tree, chance, words, unlinked, chosen)
    if not captions:
        chosen &= ~_captions(layout, tree, chars)
    chosen &= ~_unseen(tree, chosen, words)
    chosen &= ~_notices(tree, chosen, words)
    chosen &= ~_asides(tree, chosen, words)
    chosen &= ~facets(layout, tree, words)
    chosen &= ~_calls(tree, links, chars, chosen)
    chosen &= ~repeated_links(layout, tree, words, links, chars)
    chosen &= ~_line_numbers(layout, tree)
    chosen &= ~people(layout, tree, tables, words)
    quoted = _quoted(tree)
    chosen &= ~quoted_again(layout, quoted, words)
    chosen &= ~_thread_lines(layout, tree, chosen & (words <= MOST_WORDS), quoted, links == chars)
    title_buttons(layout, tree, chosen)
    chosen &= ~_interface_lines(layout, tree, chosen & (words <= INTERFACE_WORDS))
    chosen &= ~parts_again(layout, tree, words, chosen)
    chosen &= ~_titles(layout, tree, chars, title)
    return chosen


def best_bound(chance: Column, words: Column) -> int:
    """The least chance of a chosen block, by the highest expected F1 of words."""
    order = (-chance).argsort(kind="stable")
    hits = (chance * words).take(order).cumsum()
    expected = int(hits[-1])
    chosen = words.take(order).cumsum()
    # Twice the hits by what is chosen and what is expected; in 1 / 2^20, so in whole numbers.
    score = (hits << 20) // (chosen * 1000 + expected + 1)
    return int(chance[order[int(score.argmax())]])


def _tables_whole(tables: Sequence[DataTable], chance: Column, words: Column) -> Column:
    """A table of data is text or none: its cells share the mean of their chances."""
    weight = np.minimum(words, _CELL_WORDS) + 1
    chance = chance.copy()
    for table in tables:
        part = slice(table.first, table.last)
        chance[part] = (chance[part] * weight[part]).sum() // weight[part].sum()
    return chance


def _terms_whole(layout: Layout, chance: Column, words: Column) -> Column:
    """A term and what it means are text together: "Swivel" says nothing without its "Yes"."""
    if _TERM not in layout.tag:
        return chance
    parts = [
        _part_of_pair(layout, element) if layout.telling[element] & _IN_TERMS else -1
        for element in layout.owner
    ]
    chances, counts = chance.tolist(), words.tolist()
    block = 0
    while block < len(parts):
        end = block + 1
        if parts[block] >= 0 and layout.tag[parts[block]] == _TERM:
            while end < len(parts) and (
                parts[end] == parts[block] or layout.tag[parts[end]] == _MEANING
            ):
                end += 1
            if sum(counts[block:end]) <= _PAIR_WORDS:
                chances[block:end] = [max(chances[block:end])] * (end - block)
        block = end
    return np.array(chances, dtype=np.int64)


def _part_of_pair(layout: Layout, element: int) -> int:
    """The term or meaning that an element is or lies in; -1 outside of lists of them."""
    while element >= 0 and layout.tag[element] not in (_TERM, _MEANING, _TERMS):
        element = layout.parent[element]
    return element if element >= 0 and layout.tag[element] != _TERMS else -1


def _captions(layout: Layout, tree: Structure, chars: Column) -> Chosen:
    """Blocks in a <figcaption>, and short ones that names call so, their own or those around.

    No headings, and none of a figure that holds code: they say which listing it is.
    """
    own = tree.families
    named = (own | own[tree.above])[tree.owner] & FAMILY["legend"] != 0
    captions: Chosen = ((chars < _CAPTION_CHARS) & named) | (tree.telling & _CAPTION != 0)
    captions &= ~HEADINGS[tree.tag[tree.owner]]
    if tree.code.any():
        for figure in places_of(tree.tag == _FIGURE):
            part = slice(int(tree.first[figure]), int(tree.last[figure]))
            captions[part] &= not tree.code[part].any()
    return captions


def _calls(tree: Structure, links: Column, chars: Column, chosen: Chosen) -> Chosen:
    """Paragraphs that are one link ("CLICK HERE"), in a text that is no list of links."""
    if _LINKED_TEXT * links[chosen].sum() > chars[chosen].sum():
        return np.zeros_like(chosen)
    calls: Chosen = (tree.tag[tree.owner] == _PARAGRAPH) & (10 * links >= _LINKED_BLOCK * chars)
    calls &= ~_ENTRIES[tree.tag[tree.up[1]]]
    return calls


def _notices(tree: Structure, chosen: Chosen, words: Column) -> Chosen:
    """Blocks in <noscript>, unless they are most of the text: then they are the page."""
    notices: Chosen = tree.telling & _NOSCRIPT != 0
    return notices & (_excess(notices, chosen, words) <= 0)


def _line_numbers(layout: Layout, tree: Structure) -> Chosen:
    """Code that is figures in rows, one more each: numbers of the lines beside them."""
    found = np.zeros(len(layout.text), dtype=np.bool_)
    for block in places_of(tree.code):
        if not layout.text[block].lstrip()[:1].isdecimal():
            continue
        rows = layout.text[block].split()
        if len(rows) > 1 and all(row.isdecimal() and len(row) < _FIGURES for row in rows):
            first = int(rows[0])
            found[block] = [int(row) for row in rows] == list(range(first, first + len(rows)))
    return found


def _asides(tree: Structure, chosen: Chosen, words: Column) -> Chosen:
    """What is shown over the text or offered beside it, unless it is half of the text."""
    asides: Chosen = tree.families_above & ASIDE != 0
    return asides & (_excess(asides, chosen, words) < 0)


def _unseen(tree: Structure, chosen: Chosen, words: Column) -> Chosen:
    """Hidden blocks, unless most of the text is hidden: then a script would have shown it."""
    unseen: Chosen = tree.hidden & (HIDDEN | UNSEEN) != 0
    unseen &= tree.hidden & FOLDED == 0
    return unseen & (_excess(unseen, chosen, words) <= 0)


def _excess(some: Chosen, chosen: Chosen, words: Column) -> int:
    """How many more words are in the chosen ones of some blocks than in all other chosen ones."""
    return int(words[chosen & some].sum() - words[chosen & ~some].sum())


def _quoted(tree: Structure) -> Chosen:
    """Blocks of quotations."""
    quoted: Chosen = tree.telling & _QUOTATION != 0
    quoted |= tree.families_above & FAMILY["quote"] != 0
    return quoted


def _thread_lines(
    layout: Layout, tree: Structure, short: Chosen, quoted: Chosen, linked: Chosen
) -> Chosen:
    """Short blocks that forum software writes between posts."""
    found = np.zeros_like(short)
    named = tree.families[tree.owner] & FAMILY["title"] != 0
    for row in places_of(short & ~tree.code):
        text = layout.text[row]
        speaker = quoted[row] and text.endswith(":") and named[row]
        found[row] = speaker or is_thread_line(text, bool(quoted[row]), bool(linked[row]))
    return found


def _interface_lines(layout: Layout, tree: Structure, short: Chosen) -> Chosen:
    """Short blocks that sites write around texts, but for code and headings."""
    found = np.zeros_like(short)
    short = short & ~tree.code & ~HEADINGS[tree.tag[tree.owner]]
    repeated = often(layout, short)
    for row in places_of(short):
        found[row] = is_interface_line(layout.text[row], bool(repeated[row]))
    return found


def _titles(layout: Layout, tree: Structure, chars: Column, title: str) -> Chosen:
    """Headings that are the title, which has a column of its own."""
    found = np.zeros(len(layout.text), dtype=np.bool_)
    wanted = letters(title)
    if wanted:
        levels = tree.tag[tree.owner]
        # A small letter has two characters at most.
        fits = (2 * chars >= len(wanted)) & (chars <= 2 * len(title) + 20)
        for row in places_of(fits):
            if wanted in (written := letters(layout.text[row])):
                heading = int(levels[row]) in tags.HEADINGS
                found[row] = written == wanted or (heading and written == "re" + wanted)
    return found
