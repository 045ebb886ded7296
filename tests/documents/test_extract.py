"""Extraction as a table: what of a page comes out, and in what shape."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.documents.by_trafilatura.parse import parse_html
from pipeline.documents.extract import extract
from pipeline.documents.verdict import count_tags
from pipeline.sample import PAGES
from pipeline.store.archives import responses

TODAY = date(2026, 1, 1)
PROSE = (
    "The committee met on Tuesday and heard from three of the engineers who had built the "
    "bridge, all of whom said that the river had been higher that year than in any before. "
)


def page(body: str, head: str = "<title>The bridge</title>") -> str:
    return (
        f"<!doctype html><html><head>{head}</head><body><div class='content'>"
        f"<p>{PROSE * 2}</p>{body}<p>{PROSE}</p></div></body></html>"
    )


def text_of(body: str) -> str:
    return extract(page(body), "https://example.org/a", TODAY).text


STRUCTURES = {
    "list": (
        "<ul><li>First one here</li><li>Second one</li></ul>",
        "- First one here\n- Second one",
    ),
    "ordered list": (
        "<ol><li>Open the lid</li><li>Close it</li></ol>",
        "1. Open the lid\n2. Close it",
    ),
    "nested list": (
        "<ul><li>Fruit we sell<ul><li>Apples</li><li>Pears</li></ul></li><li>Bread</li></ul>",
        "- Fruit we sell\n  - Apples\n  - Pears\n- Bread",
    ),
    "definitions": (
        "<dl><dt>lintel</dt><dd>a beam over a door</dd></dl>",
        "lintel\n    a beam over a door",
    ),
    "code": (
        "<pre><span class='k'>def</span> f(x):\n    <span>return</span> x\n\n\nf(1)  </pre>",
        "def f(x):\n    return x\n\n\nf(1)",
    ),
    "code in a quote": (
        "<blockquote><pre>int close(db*);\nint <b>open</b>(db*);</pre></blockquote>",
        "int close(db*);\nint open(db*);",
    ),
    "code in a list": (
        "<ol><li><p>Run this:</p><pre>$ make\n\t$ make install</pre></li></ol>",
        "1. Run this:\n   $ make\n   \t$ make install",
    ),
    "code with breaks": ("<pre>one line<br>another line</pre>", "one line\nanother line"),
    "nested inline code in order": (
        "<p>Say <code>SELECT * FROM <em><code>table</code></em></code>, and no more than that.</p>",
        "Say SELECT * FROM table, and no more than that.",
    ),
    "table": (
        "<table><tr><th>Year</th><th>Level</th></tr><tr><td>1998</td><td>3.1 m</td></tr></table>",
        "Year | Level\n1998 | 3.1 m",
    ),
    "table in a quote": (
        "<blockquote><table><tr><td>one<td>two</tr></table></blockquote>",
        "one | two",
    ),
    "table in a list": (
        "<ul><li>Sizes<table><tr><td>S<td>1</tr><tr><td>L<td>2</tr></table></li><li>Hues</li></ul>",
        "- Sizes\n  S | 1\n  L | 2\n- Hues",
    ),
    "invisible signs": (
        "<p>A so\u2063ft\u00adhyphen and a\u200b gap.</p>",
        "A softhyphen and a gap.",
    ),
    "deleted text": (
        "<p>It costs <del>nine</del> <ins>ten</ins> pence.</p>",
        "It costs ten pence.",
    ),
    "list in a table": (
        "<table><tr><td>Sizes<td>One of:<ul><li>small</li><li>large</li></ul></tr></table>",
        "Sizes | One of: small large",
    ),
    "heading": ("<h2>The second day<a class='headerlink' href='#d'>¶</a></h2>", "The second day"),
    "line breaks": (
        "<p>Roses are red,<br>violets are blue.</p>",
        "Roses are red,\nviolets are blue.",
    ),
    "texts parted by comments": (
        "<p>It costs <!-- -->ten<!-- --> pence.</p>",
        "It costs ten pence.",
    ),
    "white space": ("<p>One   \n  two\tthree of them.</p>", "One two three of them."),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_structure_is_kept(name: str) -> None:
    html, expected = STRUCTURES[name]
    blocks = f"\n\n{expected}\n\n"
    assert blocks in text_of(html), text_of(html)


BOILERPLATE = {
    "navigation": "<nav><a href='/'>Back to the home page</a></nav>",
    "footer": "<footer>Copyright of the Bridge Company</footer>",
    "script": "<script>var text = 'Not for readers';</script>",
    "hidden styles": "<style>.a{color:red}</style>",
    "a paragraph that is a link": "<p><a href='/x'>CLICK HERE TO GET OUR APPLICATION</a></p>",
    "form": "<form><label>Your address</label><input name='mail'></form>",
    "comments": "<div id='comments'><p>First! I was there as well, said a reader.</p></div>",
}


@pytest.mark.parametrize("name", BOILERPLATE)
def test_boilerplate_is_gone(name: str) -> None:
    extracted = text_of(BOILERPLATE[name])
    words = {"Back", "Copyright", "Not for", "color", "CLICK", "Your address", "First!"}
    assert not [word for word in words if word in extracted]
    assert extracted.count("Tuesday") == 3


def test_title_has_a_column_of_its_own() -> None:
    html = page("").replace("<p>", "<h1>The bridge at the mill</h1><p>", 1)
    html = html.replace("The bridge</title>", "The bridge at the mill | Mill Gazette</title>")
    found = extract(html, "https://example.org/", TODAY)
    assert found.title == "The bridge at the mill"
    assert "mill" not in found.text


def test_a_page_in_one_header_is_not_lost() -> None:
    html = f"<html><body><header><p>{PROSE * 4}</p></header></body></html>"
    assert "Tuesday" in extract(html, "https://example.org/", TODAY).text


@pytest.mark.parametrize("html", ["", " ", "<!doctype html>", "<!-- -->", "\x00\x01", "<p>"])
def test_nothing_in_nothing_out(html: str) -> None:
    assert extract(html, "https://example.org/", TODAY).text == ""


def test_controls_are_taken_out() -> None:
    assert "a\x0bb" not in text_of("<p>Here is a\x0bb and a \x1f too.</p>")


def test_tags_are_counted_before_parsing() -> None:
    assert count_tags("<p>a<br>b</p> 1 < 2") == 3


def test_nesting_is_cut() -> None:
    tree = parse_html("<div>" * 100_000 + "deep")
    assert tree is not None
    assert sum(1 for _ in tree.iter()) <= 256


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.sampled_from("<>/=\"' abpdivtrle!-&;#x0\n\r\x00é\ufdd0"), max_size=400))
def test_any_markup_gives_clean_text(markup: str) -> None:
    text = extract(page(markup), "https://example.org/", TODAY).text
    assert not set(text) & set("\x00\x1f\ufdd0\ufdd1\ufdd2\r")
    assert text == text.strip("\n")
    assert text == text.encode("utf-8").decode("utf-8")


def sample_pages(count: int) -> list[str]:
    """Pages of the bundled sample, of all its sites."""
    found = list(responses(str(PAGES)))
    return [page.body.decode("utf-8", "replace") for page in found[:: len(found) // count]]


def test_same_page_any_order_same_bytes() -> None:
    pages = sample_pages(20)
    first = [extract(html, "https://example.org/", TODAY) for html in pages]
    order = list(range(len(pages)))
    random.Random(7).shuffle(order)
    for i in order:
        assert extract(pages[i], "https://example.org/", TODAY) == first[i]


def test_same_page_any_process_same_bytes() -> None:
    pages = sample_pages(8)
    program = (
        "import sys, json, datetime; from pipeline.documents.extract import extract\n"
        "pages = json.load(sys.stdin)\n"
        "day = datetime.date(2026, 1, 1)\n"
        "json.dump([extract(p, 'https://example.org/', day).text for p in pages], sys.stdout)"
    )
    answers = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(pages),
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        )
        answers.add(done.stdout)
    assert len(answers) == 1
