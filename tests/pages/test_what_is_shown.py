"""What people see of a crawl afterwards: links that wait, and preferences that were seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.store import corpus as store
from pipeline.store.warc import warc_date
from pipeline.views.report import write_report
from pipeline.views.status import corpus_status, waiting_lines

from .built_pages import Corpus
from .hostile_server import hostile_server

NAMES = ("h", "reset", "usage", "usage-by-path", "rsl-free", "ai-closed")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    with hostile_server() as server:
        made = Corpus(tmp_path_factory.mktemp("shown") / "made", server)
        made.build([f"http://{name}.test/page" for name in NAMES])
        yield made


def place(built: Corpus) -> store.Corpus:
    return store.Corpus(str(built.folder / "corpus"))


def test_status_says_how_many_links_wait(built: Corpus) -> None:
    stages = corpus_status(place(built))
    assert {one.stage: one.as_plain()["waiting"] for one in stages} == {"links": 0, "pages": 1}
    (line,) = waiting_lines(stages)
    (row,) = (row for row in built.rows().values() if row["outcome"] == "connection")
    due = warc_date(row["fetched_at"] + 3_600)
    assert line.startswith(
        f"pages all: 1 links ended by a passing fault and wait, 0 of them due, the first at {due}:"
    )
    pages = next(one.as_plain() for one in stages if one.stage == "pages")
    assert (pages["due"], pages["next_due"]) == (0, due)


def test_the_fetch_table_says_what_was_seen_where_and_when(built: Corpus) -> None:
    rows = built.rows()
    seen = {
        name: (row["preference"], row["preference_where"])
        for name in NAMES
        if (row := rows[f"http://{name}.test/page"])["preference"]
    }
    assert seen == {
        "usage": ("train-ai=n", "header Content-Usage"),
        "usage-by-path": ("train-ai=n", "robots.txt Content-Usage"),
        "rsl-free": ("training permitted", "robots.txt License"),
        "ai-closed": ("gptbot: disallow", "robots.txt"),
    }
    for name in NAMES:
        assert bool(rows[f"http://{name}.test/page"]["preference_at"]) == (name in seen)


def test_the_report_counts_preferences(built: Corpus) -> None:
    html = Path(write_report(place(built))).read_text(encoding="utf-8")
    assert "Preferences and opt-outs" in html
    for text in ("header Content-Usage", "robots.txt License", "gptbot: disallow", "noted"):
        assert text in html
