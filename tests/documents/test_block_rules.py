"""What stands in the text of a page and what does not, where no chance decides."""

from __future__ import annotations

from datetime import date

import pytest
from selectolax.lexbor import LexborHTMLParser

from pipeline.documents.blocks.interface_lines import is_interface_line
from pipeline.documents.blocks.layout import read_layout
from pipeline.documents.blocks.model import read_model
from pipeline.documents.blocks.names import FAMILY, MAY_BE_UNSEEN, families, unseen, words
from pipeline.documents.blocks.structure import structure
from pipeline.documents.blocks.tables import data_tables
from pipeline.documents.extract import extract

ONE = "The harbour was quiet that morning, and the ferry left with a handful of passengers."
TWO = "Winter brought the fishermen back to their nets, and the village gathered to mend them."
THREE = "The museum on the hill keeps a list of all the ships that were lost in the strait."


def text_of(part: str, after: str = "") -> str:
    page = (
        f"<title>Ferry</title><main><article><h1>Ferry</h1><p>{ONE}</p><p>{TWO}</p>{part}"
        f"<p>{THREE}</p></article></main>{after}"
    )
    return extract(page, "https://example.org/a", date(2026, 1, 1)).text


#: Parts of a page by what they show, and what of them is text and what is not.
PARTS = {
    "ids are slugs of headings": (
        f"<h2 id='author-authorization'>Author authorization</h2><p>{ONE[::-1]}</p>",
        ["Author authorization"],
        [],
    ),
    "post in an element named after its author": (
        "<div class='message-userContent'><div class='body'><div>So did the crew</div></div></div>",
        ["So did the crew"],
        [],
    ),
    "names in a table of data": (
        "<table><tr><th>Year</th><th>Pilot</th></tr><tr><td>1901</td><td><span class='vcard'>"
        "<a href='/x'>Ada Miller</a></span></td></tr><tr><td>1902</td><td><span class='vcard'>"
        "<a href='/y'>Eve Baker</a></span></td></tr></table>",
        ["1901 | Ada Miller", "1902 | Eve Baker"],
        [],
    ),
    "name of the author": (
        "<div class='author-name'><a href='/authors/ada'>Ada Miller</a></div>",
        [],
        ["Ada"],
    ),
    "links that are entries": (
        "<table><tr><td><p><a href='/bow'>bow()</a></p></td><td><p>Turns the bow.</p></td></tr>"
        "<tr><td><p><a href='/stern'>stern()</a></p></td><td><p>Turns the stern.</p></td></tr>"
        "</table>",
        ["bow() | Turns the bow.", "stern() | Turns the stern."],
        [],
    ),
    "table of contents": (
        "<p>In this article:</p><ul><li><a href='#a'>1. Leaving the port</a></li><li><a href='#b'>"
        "2. Crossing the strait</a></li><li><a href='#c'>3. Coming home</a></li></ul>"
        f"<h2 id='a'>1. Leaving the port</h2><p>{ONE}.</p><h2 id='b'>2. Crossing the strait</h2>"
        f"<p>{TWO}.</p><h2 id='c'>3. Coming home</h2>",
        ["1. Leaving the port", "2. Crossing the strait", "3. Coming home"],
        ["In this article", "- 1.", "- 2."],
    ),
    "heading that is a link to itself": (
        f"<h2><a class='anchor' href='#tides'>The tides</a></h2><p>{ONE[:-1]} again.</p>",
        ["The tides"],
        [],
    ),
    "question in a button": (
        "<h3><button aria-expanded='false'><span>When does the ferry leave?</span></button></h3>"
        f"<div><p>At noon, from the pier below the old customs house. {THREE}</p></div>",
        ["When does the ferry leave?", "At noon"],
        [],
    ),
    "buttons that are tools": (
        "<button>Print this</button><button aria-expanded='false'>More tools here</button><nav>"
        "<button>Where to?</button></nav>",
        [],
        ["Print this", "Where to"],
    ),
    "pane that a tab shows": (
        "<button aria-controls='hours'>Hours</button><div id='hours' style='display:none'>"
        f"<p>The ferry leaves at noon. {TWO.lower()}</p></div>",
        ["leaves at noon"],
        [],
    ),
    "text that nothing shows": (f"<div hidden><p>{ONE.upper()}</p></div>", [], [ONE.upper()]),
    "copy for screen readers": (
        "<p>The ticket is <span class='price__sr-text'>forty-two crowns</span><span>42 kr</span>"
        " a head.</p>",
        ["The ticket is 42 kr a head."],
        ["forty-two"],
    ),
    "listing with its caption": (
        "<figure><figcaption>Listing 4: two lines</figcaption><pre>a = 1\nb = 2</pre></figure>",
        ["Listing 4: two lines", "a = 1\nb = 2"],
        [],
    ),
    "the same part for a telephone": (
        "".join(
            f"<div class='{screen}'><p>The pier is closed from May to June.</p><p>Bring a coat, a"
            " hat and boots.</p></div>"
            for screen in ("desk", "phone")
        ),
        ["The pier is closed from May to June.\n\nBring a coat"],
        ["boots.\n\nThe pier is closed"],
    ),
    "signature under a post": (
        "<div class='post'><p>The pump failed at the pier.</p><div class='signature'>Sails since "
        "1999, rows since 2004</div></div>",
        [],
        ["Sails since"],
    ),
    "signature of a function": (
        "<dl><dt><span class='signature'>turn(angle, speed)</span></dt><dd>Turns the bow of the "
        "ship by an angle, at a speed.</dd></dl>",
        ["turn(angle, speed)"],
        [],
    ),
    "words that style alone parts": (
        "<p>See <a href='/r'>Ropes</a><a href='/s'>Sails</a> and <span class='brand'>Matinique"
        "</span><!-- --><span class='name'>Summer jacket</span> in the shop of the harbour.</p>"
        "<p>It takes <i class='n'>Rest</i><i class='v'><span>2</span> hrs</i> of work, and some "
        "glue from the pot.</p>",
        ["See Ropes Sails and Matinique Summer jacket in", "Rest 2 hrs of"],
        [],
    ),
    "letters of one word": (
        "<p>The <span class='cap'>F</span><span class='rest'>erry</span> and the <b>har</b>"
        "<span style='color:red'>bour</span> are old, and H<sub>2</sub>O is everywhere.</p>",
        ["The Ferry and the harbour are old, and H2O is"],
        [],
    ),
    "note over the text": (
        "<div class='info-tooltip'><p>A knot is a mile of the sea in an hour of time.</p></div>",
        [],
        ["A knot is"],
    ),
    "other goods": (
        "<div class='also-bought'><p>Others bought a rope, a sail and an anchor of iron.</p></div>",
        [],
        ["Others bought"],
    ),
    "ways to narrow a list": (
        "<ul class='refine'>"
        + "".join(f"<li>{kind} ({n + 1})</li>" for n, kind in enumerate("RSOTN"))
        + "</ul>",
        [],
        ["(1)", "(4)"],
    ),
    "what a site says of a page": ("<p>Last updated on May 6, 2024</p><p>5 min read</p>", [],
                                   ["Last updated", "min read"]),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_parts_that_are_text_and_parts_that_are_not(name: str) -> None:
    part, wanted, unwanted = PARTS[name]
    text = text_of(part)
    assert ONE in text and TWO in text and THREE in text
    assert [words for words in wanted if words not in text] == []
    assert [words for words in unwanted if words in text] == []


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("authors", True),
        ("postauthor", True),
        ("authorization", False),
        ("authority", False),
        ("authoring", False),
        ("membership", False),
        ("members", True),
        ("profiler", False),
        ("userprofile", True),
    ],
)
def test_words_that_name_an_author(word: str, expected: bool) -> None:
    assert bool(families(word) & FAMILY["author"]) is expected


def test_a_table_with_a_post_in_it_is_not_judged_as_data() -> None:
    rows = "".join(
        f"<tr><td>Posts: {n}</td><td class='post_message'>{ONE} {TWO} {THREE} {n}</td></tr>"
        for n in range(2)
    )
    parser = LexborHTMLParser(f"<table>{rows}{'<tr><td>1<td>2' * 3}</table>")
    layout = read_layout(parser, read_model().lexicon)
    assert list(data_tables(layout, structure(layout))) == []


STREAMED = {
    "in its place": (
        f"<!--$?--><template id='B:0'></template><p>Loading {TWO}</p><!--/$-->",
        f"<div hidden id='S:0'><p>{ONE.lower()}</p></div><script>$RC('B:0','S:0')</script>",
    ),
    "a part of a part": (
        "<!--$?--><template id='B:0'></template><!--/$-->",
        "<div hidden id='S:0'><div><template id='P:1'></template></div></div>"
        f"<div hidden id='S:1'><p>{ONE.lower()}</p></div>"
        "<script>$RS('S:1','P:1');$RC('B:0','S:0')</script>",
    ),
}


@pytest.mark.parametrize("name", STREAMED)
def test_parts_that_react_sends_late_stand_in_their_place(name: str) -> None:
    place, late = STREAMED[name]
    assert text_of(place, late).split("\n\n") == [ONE, TWO, ONE.lower(), THREE]


def test_a_late_part_that_holds_its_own_place_ends_nothing() -> None:
    late = (
        "<div hidden id='S:0'><template id='B:0'></template><div hidden id='S:1'></div></div>"
        "<div hidden id='S:x'></div><script>$RC('B:0','S:0')</script>"
    )
    assert text_of("", late).split("\n\n") == [ONE, TWO, THREE]


@pytest.mark.parametrize(
    ("line", "repeated", "expected"),
    [
        ("Add to cart", False, True),
        ("Compare", False, False),
        ("Compare", True, True),
        ("Compare the two ferries", True, False),
        ("Advertisement", False, True),
        ("Published: 2024-05-06", False, True),
        ("Published in 2024 by a small press", False, False),
    ],
)
def test_lines_of_sites(line: str, repeated: bool, expected: bool) -> None:
    assert is_interface_line(line, repeated) is expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("price tw-sr-only", True),
        ("a-offscreen", True),
        ("label_visuallyHidden__x1", True),
        ("styles_uiScreenReaderOnly", True),
        ("is-srOnly", True),
        ("tag__sronly", True),
        ("sr-only-focusable", False),
        ("focus:not-sr-only", False),
        ("eclipsed", False),
        ("#sr-only", False),
    ],
)
def test_names_of_what_only_screen_readers_say(names: str, expected: bool) -> None:
    assert bool(unseen(names)) is expected
    if expected:
        assert any(families(word) & MAY_BE_UNSEEN for word in words(names))
