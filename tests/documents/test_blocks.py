"""Text from pages of every kind, threads, articles in parts, code, formulas; and who chose it."""

from __future__ import annotations

import gzip
import html
import json
import random
import re
from datetime import date
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import thread_pages

from pipeline.documents.blocks.forest import Forest
from pipeline.documents.blocks.model import OURS, read_model
from pipeline.documents.blocks.table import FeatureRows
from pipeline.documents.blocks.thread_lines import is_thread_line
from pipeline.documents.extract import extract, finish, prepare
from pipeline.store.errors import WebtextError

TODAY = date(2026, 1, 1)
ONE = "The harbour was quiet that morning, and the ferry left with a handful of passengers."
TWO = "Winter brought the fishermen back to their nets, and the village gathered to mend them."
THREE = "The museum on the hill keeps a list of all the ships that were lost in the strait."
#: Words around posts that stay: lists of a member's posts in loose cells, names in elements whose
#: classes are hashes, a signature.
LEFT = {
    "phpbb": {"Powered by"},
    "phpbb_tables": {"Harbourmaster", "rudderless", "Senior Member", "Joined:", "Posts:"},
    "google_groups": {"Harbourmaster", "rudderless"},
}


def text_of(body: str) -> str:
    return extract(f"<title>Ferry</title><body>{body}", "https://example.org/a", TODAY).text


@pytest.mark.parametrize("layout", thread_pages.LAYOUTS)
@pytest.mark.parametrize("count", [3, 12])
def test_all_posts_of_a_thread_are_text(layout: str, count: int) -> None:
    html = thread_pages.LAYOUTS[layout](count)
    text = extract(html, "https://example.org/t/1", TODAY).text
    wanted = [paragraph for post in thread_pages.posts(count) for paragraph in post]
    assert [paragraph for paragraph in wanted if paragraph not in text] == []
    assert sorted(wanted, key=text.index) == wanted
    left = {words for words in thread_pages.FURNITURE if words in text}
    assert left <= LEFT.get(layout, set())


WHOLE = {
    "several articles": (
        f"<main><article><p>{ONE}</p></article><article><p>{TWO}</p></article>"
        f"<article><p>{THREE}</p></article></main>"
    ),
    "an advertisement between": (
        f"<article><p>{ONE}</p></article><div class='advert'><a href='/x'>Buy ropes</a></div>"
        f"<article><p>{TWO}</p><p>{THREE}</p></article>"
    ),
    "menu that is not closed": (
        "<header><nav><div><div><ul><li><a href='/'>Home</a></li></ul></div></nav></header>"
        f"<main><article><p>{ONE}</p><p>{TWO}</p><p>{THREE}</p></article></main>"
    ),
    "wrapper in noscript": (
        f"<noscript><div id='n'></noscript><div><p>{ONE}</p><p>{TWO}</p><p>{THREE}</p></div>"
        "<noscript></div></noscript>"
    ),
    "all in noscript": (
        f"<div id='app'></div><noscript><p>{ONE}</p><p>{TWO}</p><p>{THREE}</p></noscript>"
    ),
    "form around a page": (
        f"<form action='/'><fieldset><p>{ONE}</p><p>{TWO}</p><label>{THREE}</label>"
        "</fieldset></form>"
    ),
    "menu and object": f"<menu><li>{ONE}</li><li>{TWO}</li></menu><object><p>{THREE}</p></object>",
    "script that closes itself": (
        f"<article><script src='x'/>var a = 'Buy ropes';</script><p>{ONE}</p><p>{TWO}</p>"
        f"<p>{THREE}</p></article>"
    ),
    "standfirst in a header": (
        f"<article><header><h1>Ferry</h1><p class='standfirst'>{ONE}</p></header><p>{TWO}</p>"
        f"<p>{THREE}</p></article>"
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_pages_are_whole(name: str) -> None:
    text = text_of(WHOLE[name])
    assert all(part in text for part in (ONE, TWO, THREE)), text
    assert "Home" not in text and "Buy ropes" not in text


INSIDE = {
    "time in a sentence": ("<p>It began <time>at noon</time> in the hall.</p>", "began at noon in"),
    "table after loose text": (
        "<div>Hours: <table><tr><th>Port</th><th>Hour</th></tr><tr><td>North</td><td>nine</td></tr>"
        "</table></div>",
        "Port | Hour\nNorth | nine",
    ),
    "code beside its line numbers": (
        "<table class='highlighttable'><tr><td class='linenos'><pre>1\n2</pre></td>"
        "<td class='code'><div><pre>def area(r):\n    return r * r</pre></div></td></tr></table>",
        "def area(r):\n    return r * r",
    ),
    "code of a row a line": (
        "<table><tr><td class='blob-num'>1</td><td class='blob-code'>def area(r):</td></tr><tr>"
        "<td class='blob-num'>2</td><td class='blob-code'>    return r * r</td></tr></table>",
        "def area(r):\n    return r * r",
    ),
    "code of lines that style alone parts": (
        "<pre><code><span class='gatsby-highlight-code-line'>a = 1</span>"
        "<span class='gatsby-highlight-code-line'>  <b>b</b> = 2</span>\n"
        "<span class='line'>c</span>\n  <span class='line'>d</span></code></pre>",
        "a = 1\n  b = 2\nc\n  d",
    ),
    "formula with its source": (
        "<p>We know that <math><semantics><mi>E</mi><annotation encoding='application/x-tex'>"
        "E = mc^2</annotation></semantics></math> holds at rest.</p>",
        "that E = mc^2 holds",
    ),
    "formula without": (
        "<p>The half <math><mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac>"
        "</math> lies between.</p>",
        "half (a + b)/2 lies",
    ),
    "formula in a script": (
        "<p>So <script type='math/tex'>x^2 \\ge 0</script> for all of them.</p>",
        "So x^2 \\ge 0 for",
    ),
    "code that Prism numbers": (
        "<pre class='line-numbers'><code>def area(r):\n    return r * r</code></pre>",
        "def area(r):\n    return r * r",
    ),
    "code beside numbers that no name tells": (
        "<table><tr><td><pre>1\n2\n</pre></td><td><pre>def area(r):\n    return r * r</pre></td>"
        f"</tr></table><p>{TWO[:40]}</p>",
        f"{TWO}\n\ndef area(r):\n    return r * r\n\n{TWO[:40]}",
    ),
    "terms in pairs": (
        "<dl><div><dt>Bow</dt><dd>The front of a ship.</dd></div><div><dt>Stern</dt><dd>The rear of"
        " a ship.</dd></div></dl>",
        "Bow\n    The front of a ship.\nStern\n    The rear of a ship.",
    ),
    "formula of MathJax 3": (
        "<p>So <mjx-container class='MathJax'><mjx-math><mjx-mi></mjx-mi></mjx-math>"
        "<mjx-assistive-mml><math><mi>E</mi><mo>=</mo><mi>m</mi></math></mjx-assistive-mml>"
        "</mjx-container> at rest in the harbour.</p>",
        "So E = m at rest",
    ),
    "formula that is a picture": (
        "<p>So <img class='mwe-math-fallback-image-inline' alt='{\\displaystyle E=m}'> at rest."
        "</p>",
        "So E=m at rest",
    ),
    "numbers of a list": (
        "<ol start='4'><li>Open the lid of it</li><li>Close it</li></ol>",
        "4. Open the lid of it\n5. Close it",
    ),
}


@pytest.mark.parametrize("name", INSIDE)
def test_parts_of_a_text_keep_their_shape(name: str) -> None:
    part, wanted = INSIDE[name]
    assert wanted in text_of(f"<article><p>{ONE}</p><p>{TWO}</p>{part}<p>{THREE}</p></article>")


def test_hidden_text_and_names_are_left_out() -> None:
    text = text_of(
        f"<article><div class='byline'><a href='/author/x'>Ann Other</a></div><p>{ONE}</p>"
        f"<p hidden>{TWO}</p><p style='display: none'>Nobody sees this line of the page.</p>"
        f"<p>{THREE}</p></article>"
    )
    assert ONE in text and THREE in text
    assert TWO not in text and "Nobody" not in text and "Ann Other" not in text


@pytest.mark.parametrize(
    ("line", "stays"),
    [
        ("<p>Last edited: Jul 6, 2024</p>", False),
        ("<p>Edited November 13, 2025 by miller</p>", False),
        ("<p>Edited by hand, the book took years.</p>", True),
        ("<p>Edited volumes need two readers.</p>", True),
        ("<p>Click to expand...</p>", False),
        ("<p>Code: Select all</p>", False),
        ("<blockquote><p>miller wrote: ↑</p></blockquote>", False),
        ("<blockquote><p>Originally Posted by miller</p></blockquote>", False),
        ("<blockquote><cite>miller wrote: Sat Feb 24, 2024 12:41 pm</cite></blockquote>", False),
        ("<aside class='quote'><div class='title'>miller:</div></aside>", False),
        ("<p>Post #3 of 7</p>", False),
        ("<p>The miller likes this</p>", True),
        ("<p>The miller wrote:</p>", True),
        ("<div class='message-signature'>My 220 gallon tank.</div>", False),
        ("<div class='reactionsBar'>Reactions: miller and baker</div>", False),
    ],
)
def test_what_forum_software_writes_is_left_out(line: str, stays: bool) -> None:
    said = html.unescape(re.sub("<[^>]+>", "", line))
    text = text_of(f"<article><p>{ONE}</p><p>{TWO}</p>{line}<p>{THREE}</p></article>")
    assert ONE in text and THREE in text
    assert (said in text) is stays


@pytest.mark.parametrize(
    ("text", "quoted", "linked", "expected"),
    [
        ("#17", False, True, True),
        ("#17", False, False, False),
        ("#1234567", False, True, False),
        ("#17 is open", False, True, False),
        ("miller wrote:", True, False, True),
        ("miller wrote:", False, True, False),
    ],
)
def test_lines_of_forum_software_by_where_they_stand(
    text: str, quoted: bool, linked: bool, expected: bool
) -> None:
    assert is_thread_line(text, quoted, linked) is expected


def test_quoted_words_stand_once_and_without_the_name() -> None:
    quotation = f"<blockquote><div><cite>miller wrote: <a href='#1'>↑</a></cite>{ONE}</div>"
    text = text_of(
        f"<div class='post'><div class='content'>{ONE}</div></div><div class='post'>"
        f"<div class='content'>{quotation}</blockquote>{TWO}</div></div>"
    )
    assert (text.count(ONE), text.count(TWO), text.count("miller")) == (1, 1, 0)


def test_short_posts_stand_with_long_ones_and_repeated_buttons_go() -> None:
    posts = [ONE, "Thanks, that works.", TWO, "Same here!", THREE, ONE.lower()]
    text = text_of(
        "<div id='thread'>"
        + "".join(
            f"<div class='post' id='post{number}'><div class='inner' id='msg_{number}'>{post}</div>"
            f"<div><a href='/r{number}'>Quote this</a></div></div>"
            for number, post in enumerate(posts)
        )
        + "</div>"
    )
    assert text.split("\n\n") == posts


def test_a_notice_without_scripts_is_text_only_where_it_is_the_page() -> None:
    notice = "<noscript>You need to enable JavaScript to run this application.</noscript>"
    assert "JavaScript" not in text_of(f"{notice}<article><p>{ONE}</p><p>{TWO}</p></article>")


def test_captions_by_setting() -> None:
    page = f"<p>{ONE}</p><figure><img src=x><figcaption>{TWO}</figcaption></figure><p>{THREE}</p>"
    source = prepare(f"<article>{page}</article>", "https://example.org/a")
    assert TWO not in finish(source, TODAY).text
    assert TWO in finish(source, TODAY, captions=True).text


def test_the_way_that_found_the_text_is_said() -> None:
    source = prepare(f"<article><p>{ONE}</p><p>{TWO}</p></article>", "https://example.org/a")
    assert finish(source, TODAY).extractor == "blocks"
    assert finish(source, TODAY, "trafilatura").extractor == "trafilatura"


def test_a_page_that_trafilatura_loses_is_looked_at_again() -> None:
    posts = "".join(
        f"<tr><td class='menu'><span>{ONE} {TWO} {n}</span></td></tr>" for n in range(8)
    )
    source = prepare(f"<body><nav><table>{posts}</table></nav>", "https://example.org/a")
    found = finish(source, TODAY, "trafilatura")
    assert found.extractor in ("blocks", "running")
    assert found.text.count(TWO) == 8


def test_our_model_is_small_plain_and_whole_numbers() -> None:
    packed = resources.files("pipeline.documents.blocks").joinpath(OURS).read_bytes()
    assert len(packed) < 3_000_000
    said = json.loads(gzip.decompress(packed))
    leaves = np.array(said["second"]["leaves"])
    assert leaves.dtype.kind == "i" and len(leaves) > 100
    assert read_model().to_json() == said


def a_forest(rng: random.Random, trees: int = 20, depth: int = 4, features: int = 6) -> Forest:
    return Forest(
        tuple(f"f{number}" for number in range(features)),
        np.array([[rng.randrange(features) for _ in range(trees)] for _ in range(depth)]),
        np.array(
            [[rng.randrange(-50, 50) for _ in range(trees)] for _ in range(depth)], dtype=np.int16
        ),
        np.array(
            [[rng.randrange(-9_000, 9_000) for _ in range(1 << depth)] for _ in range(trees)],
            dtype=np.int32,
        ),
        rng.randrange(-100, 100),
        np.array(sorted(rng.sample(range(-60_000, 60_000), 999))),
    )


def test_trees_are_judged_as_one_by_one() -> None:
    rng = random.Random(3)
    forest = a_forest(rng)
    columns = {
        name: np.array([rng.randrange(-90_000, 90_000) for _ in range(600)]) if number == 0
        else np.array([rng.randrange(-60, 60) for _ in range(600)])
        for number, name in enumerate(forest.features)
    }  # fmt: skip
    rows = FeatureRows()
    rows.add_each(columns)
    found = forest.chances(rows.table())
    for block in range(0, 600, 11):
        row = [
            max(-(1 << 15), min((1 << 15) - 1, int(columns[name][block])))
            for name in forest.features
        ]
        total = forest.bias
        for tree in range(20):
            leaf = sum(
                (row[forest.asked[place, tree]] > forest.thresholds[place, tree]) << place
                for place in range(4)
            )
            total += int(forest.leaves[tree, leaf])
        assert found[block] == sum(total >= bound for bound in forest.bounds.tolist())
    again = Forest.from_json(json.loads(json.dumps(forest.to_json())))
    assert (again.chances(rows.table()) == found).all()


def test_chances_do_not_depend_on_what_was_read_before() -> None:
    pages = [thread_pages.LAYOUTS[name](5) for name in sorted(thread_pages.LAYOUTS)]
    texts = [extract(page, "https://example.org/a", TODAY) for page in pages]
    assert [extract(page, "https://example.org/a", TODAY) for page in reversed(pages)] == texts[
        ::-1
    ]


WRONG = {
    "no gzip": b"{}",
    "no JSON": gzip.compress(b"{"),
    "another format": gzip.compress(b'{"format": 99}'),
    "no forest": gzip.compress(
        b'{"format": 1, "names": {}, "words": {}, "first": [], "second": 1}'
    ),
    "cut": gzip.compress(b'{"format": 1}')[:-4],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_no_model_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.json.gz"
    path.write_bytes(WRONG[name])
    with pytest.raises(WebtextError, match=r"model\.json\.gz is no model"):
        read_model(str(path))


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match="gone"):
        read_model(str(tmp_path / "gone"))
