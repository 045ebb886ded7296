"""Where the main text is, on pages that say it and on pages that do not; quality on real pages."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from trafilatura.xpaths import BODY_XPATH

from benchmarks.extract import (
    articles,
    kept_without,
    manuals,
    ours,
    score,
    turned_away,
    unmarked,
)
from pipeline.documents.by_trafilatura.find import find_text
from pipeline.documents.by_trafilatura.main_content import is_marked, mark_main_text
from pipeline.documents.by_trafilatura.parse import parse_html
from pipeline.documents.extract import prepare
from pipeline.documents.settings import DocumentsSettings

TODAY = date(2026, 1, 1)
PROSE = "The committee met on Tuesday and heard from three of the engineers who built the bridge. "
MENU = "<div>" + "".join(f"<p><a href='/{i}'>Another page of this site</a></p>" for i in range(9))
SECTION = f"<h2>{{0}}</h2><p>{PROSE * 2}</p>"


def place_of(body: str) -> str:
    """The id of the element whose content becomes the <article>."""
    tree = parse_html(f"<html><body id='body'>{body}</body></html>")
    mark_main_text(tree)
    (article,) = tree.iter("article")
    return str(article.getparent().get("id"))


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (f"{MENU}</div><div id='x'><p>{PROSE}</p><p>{PROSE}</p></div>", "x"),
        (f"<div id='x'><div id='y'><p>{PROSE}</p></div></div>", "y"),
        # Text that stands beside the greatest part belongs to it …
        (f"<div id='x'><p>{PROSE}</p><div id='y'><p>{PROSE * 8}</p></div></div>", "x"),
        # … and so does a section of the same class; not so a teaser of another one.
        (
            f"<div id='x'><div class='s'><p>{PROSE}</p></div>"
            f"<div class='s' id='y'><p>{PROSE * 8}</p></div></div>",
            "x",
        ),
        (
            f"<div id='x'><div class='t'><p>{PROSE}</p></div>"
            f"<div class='s' id='y'><p>{PROSE * 8}</p></div></div>",
            "y",
        ),
        # Rows of a table are no place; a cell that holds all is.
        (f"<table id='x'><tr id='y'><td id='z'><p>{PROSE}</p></td></tr></table>", "z"),
        (
            f"<div id='x'><table><tr><td><p>{PROSE}</p></td></tr><tr><td><p>{PROSE}</p></td>"
            "</tr></table></div>",
            "x",
        ),
        (f"<p>{PROSE}</p>", "body"),
        (f"<div id='x'><p><span id='y'>{PROSE}</span></p></div>", "x"),
    ],
)
def test_the_place_of_the_main_text(body: str, place: str) -> None:
    assert place_of(body) == place


@pytest.mark.parametrize(
    "body",
    [
        f"<main><p>{PROSE}</p></main>",
        f"<article><p>{PROSE}</p></article>",
        f"<div class='post-content'><p>{PROSE}</p></div>",
        f"<section id='content'><p>{PROSE}</p></section>",
        "<div><p>Short.</p></div>",
        "",
    ],
)
def test_marked_and_empty_pages_stay_as_they_are(body: str) -> None:
    tree = parse_html(f"<html><body id='body'>{body}</body></html>")
    before = [element.tag for element in tree.iter()]
    mark_main_text(tree)
    assert [element.tag for element in tree.iter()] == before


def test_a_page_of_sections_keeps_headings_lists_and_terms() -> None:
    html = (
        f"<html><title>A page</title><body>{MENU}</div><div class='refentry'>"
        + "".join(f"<div class='sect'>{SECTION.format(name)}</div>" for name in ("Use", "Notes"))
        + "<div class='sect'><h2>Arguments</h2><dl><dt>plan</dt><dd><p>a statement</p></dd></dl>"
        f"<ul><li><p>One of them</p></li></ul><p>{PROSE}</p></div></div></body></html>"
    )
    text = find_text(html, "A page")
    assert text.startswith(f"Use\n\n{PROSE}")
    assert "Arguments\n\nplan\n    a statement\n\n- One of them\n\n" in text
    assert "Another page" not in text


@pytest.mark.system
def test_marked_means_what_it_means_to_trafilatura(shared_data: Path) -> None:
    pages = articles(shared_data) + manuals(shared_data, 60)
    pages += [unmarked(page) for page in pages[:10]]
    trees = [tree for page in pages if (tree := parse_html(page.html)) is not None]
    found = [(is_marked(tree), tree) for tree in trees]
    assert {marked for marked, _ in found} == {True, False}
    for marked, tree in found:
        assert marked == any(expression(tree) for expression in BODY_XPATH)


@pytest.mark.system
def test_articles_are_found(shared_data: Path) -> None:
    pages = articles(shared_data)
    assert score(pages, [ours(page) for page in pages])[0] >= 0.963
    bare = [unmarked(page) for page in pages]
    assert score(bare, [ours(page) for page in bare])[0] >= 0.96


@pytest.mark.system
def test_the_first_pass_loses_less_than_one_page_in_500(shared_data: Path) -> None:
    settings = DocumentsSettings()
    pages = articles(shared_data) + manuals(shared_data, 700)
    kept = [page for page in pages if kept_without(page, settings)]
    assert len(kept) > 700
    sources = [prepare(page.html, page.url) for page in kept]
    lost = [source for source in sources if turned_away(source, settings)]
    assert len(lost) < len(kept) / 500
