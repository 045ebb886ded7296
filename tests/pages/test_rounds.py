"""Runs that come back by themselves: what was deferred, cut by a setting, or never reached."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.pages.group import Group
from pipeline.pages.refetch import FIRST_RUN, Patience, terms
from pipeline.pages.settings import PagesSettings
from pipeline.pages.worker import fetch_group
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.manifest import PREVIOUS, WORK

from .archive_server import Snapshot, archive_server
from .built_pages import Corpus
from .crawling import link, settings
from .hostile_server import hostile_server


@pytest.fixture
def corpus(tmp_path: Path) -> Any:
    with hostile_server() as server:
        yield Corpus(tmp_path / "made", server)


def test_what_was_deferred_is_fetched_by_the_next_builds(corpus: Corpus) -> None:
    """One round a build, only what was deferred, until nothing is left; then nothing is run."""
    urls = [f"http://h.test/{i}" for i in range(5)] + ["http://missing.test/", "http://reset.test/"]
    first = corpus.build(urls, host_pages=2)[-1].manifest
    assert corpus.ends() == {"ok": 2, "deferred": 3, "not_found": 1, "connection": 1}
    assert first.extra.get("rounds") is None
    asked = corpus.asked()
    second = corpus.build(urls, host_pages=2)[-1]
    assert second.reason == "deferred by the run before: 3" and second.manifest.extra["rounds"] == 2
    assert corpus.ends() == {"ok": 4, "deferred": 1, "not_found": 1, "connection": 1}
    assert len(corpus.asked()) == 2 and corpus.asked().isdisjoint(asked)
    third = corpus.build(urls, host_pages=2)[-1]
    assert third.reason == "deferred by the run before: 1" and third.manifest.counts.kept == 5
    assert len(corpus.asked()) == 1
    assert corpus.build(urls, host_pages=2)[-1].reason is None
    assert corpus.server.asked == []


def test_what_the_deadline_leaves_over_is_fetched_when_there_is_time(corpus: Corpus) -> None:
    """A budget is no setting that makes a stage stale."""
    corpus.build(["http://h.test/0"])
    urls = [f"http://h{i}.test/{i}" for i in range(12)]
    late = corpus.build([*urls, "http://h.test/0"], deadline=1e-6)[-1]
    assert late.manifest.counts.dropped == {"deferred": 12} and corpus.server.asked == []
    last = corpus.build([*urls, "http://h.test/0"], deadline=600.0)[-1]
    assert last.reason == "deferred by the run before: 12" and last.manifest.counts.kept == 13
    assert len(corpus.asked()) == 12


def test_a_host_that_keeps_asking_to_wait_is_asked_once_a_build(corpus: Corpus) -> None:
    """No endless loop, and what did not change makes no later stage run."""
    urls = ["http://h.test/1", "http://wait-long.test/1", "http://wait-long.test/2"]
    corpus.build(urls, until="documents")
    for _ in range(2):
        *_, pages, documents = corpus.build(urls, until="documents")
        assert pages.reason == "deferred by the run before: 2" and documents.reason is None
        assert {one.partition("/")[0] for one in corpus.asked()} == {"wait-long.test"}
        assert corpus.ends() == {"ok": 1, "deferred": 2}


def test_a_round_that_brings_pages_makes_documents_run(corpus: Corpus) -> None:
    urls = [f"http://h.test/{i}" for i in range(2)]
    corpus.build(urls, until="documents", host_pages=1)
    *_, pages, documents = corpus.build(urls, until="documents", host_pages=1)
    assert pages.manifest.counts.kept == 2
    assert documents.reason == "input changed: pages" and documents.manifest.counts.seen == 2


def test_a_setting_that_cut_pages_brings_them_back_and_no_others(corpus: Corpus) -> None:
    names = ("good", "missing", "reset", "ai-closed", "gzip-bomb", "pdf", "loop")
    urls = [f"http://{name}.test/page" for name in names]
    corpus.build(urls)
    cut = {"too_large": 1, "content_type": 1, "redirect_loop": 1, "opt_out_ai_agents": 1}
    assert corpus.ends() == {"ok": 1, "not_found": 1, "connection": 1} | cut
    corpus.build(urls, max_bytes=60_000_000)
    assert corpus.said[1].startswith("pages: settings changed: max_bytes")
    assert corpus.asked() == {"gzip-bomb.test/page"}
    corpus.build(urls, max_bytes=60_000_000, content_types=["html", "plain", "pdf"])
    assert corpus.asked() == {"pdf.test/page"}
    last = corpus.build(
        urls,
        max_bytes=60_000_000,
        content_types=["html", "plain", "pdf"],
        respect_ai_opt_out=False,
        attempts=2,
    )[-1].manifest
    assert corpus.asked() == {"ai-closed.test/page", "reset.test/page"}
    assert corpus.ends() == {"ok": 4, "not_found": 1, "connection": 1, "redirect_loop": 1}
    assert last.extra.get("rounds") is None


def test_when_links_join_those_that_may_fare_better_are_asked_again(corpus: Corpus) -> None:
    urls = [f"http://{name}.test/page" for name in ("good", "missing", "reset", "loop")]
    corpus.build(urls)
    corpus.build([*urls, "http://h.test/1"])
    assert corpus.asked() == {"h.test/1", "reset.test/page"}


def test_a_crawl_that_reached_nothing_leaves_nothing_that_would_count(corpus: Corpus) -> None:
    """The next run asks again; an earlier build stays what it was."""
    urls = ["http://reset.test/1", "http://closed-by-robots.test/1", "http://wait-long.test/1"]
    for _ in range(2):
        with pytest.raises(WebtextError, match="fetched no page.*Check the network"):
            corpus.build(urls)
        assert "reset.test/1" in corpus.asked()
        assert not list(corpus.pages.glob("fetches-*")) and not (corpus.pages / WORK).exists()
    assert corpus.build(["http://h.test/1"])[-1].manifest.counts.kept == 1
    with pytest.raises(WebtextError, match="fetched no page"):
        corpus.build(urls)
    assert corpus.ends() == {"ok": 1} and not (corpus.pages / PREVIOUS).exists()


def test_a_killed_runs_journal_counts_only_under_its_settings(tmp_path: Path) -> None:
    """What it fetched stays; what it cut is fetched again once the setting is another."""
    with hostile_server() as server:
        names = ("good", "missing", "gzip-bomb", "reset")
        links = [link(f"http://{name}.test/page") for name in names]
        small, large = settings(server), settings(server, max_bytes=60_000_000)

        def asked(chosen: PagesSettings, key: str) -> set[str]:
            """The pages asked for by a run of which only the journal was left."""
            server.asked.clear()
            group = Group(0, 1, str(tmp_path), key, chosen, ())
            fetch_group(group, links)
            (tmp_path / "fetches-00000-of-00001.parquet").unlink()
            return {host for host, path in server.asked if path == "/page"}

        assert len(asked(small, "first")) == 4
        assert asked(small, "first") == set()
        assert asked(large, "second") == {"gzip-bomb.test", "reset.test"}
        assert asked(large, "second") == set()


def test_dead_links_that_were_looked_up_are_not_looked_up_in_a_later_round(corpus: Corpus) -> None:
    urls = ["http://missing.test/1", "http://missing.test/2", "http://h.test/1", "http://h.test/2"]
    with archive_server() as archive:
        html = {"Content-Type": "text/html"}
        archive.snapshots.append(Snapshot("20150601000000", urls[0], b"<p>Words.", html))
        asks = {
            "wayback": True,
            "wayback_base": archive.base,
            "wayback_delay": 0.0,
            "allow_hosts": ["127.0.0.1", archive.name],
            "contact": "mailto:someone@example.org",
            "host_pages": 1,
        }
        for asked_there in (2, 1):  # index and capture; then the one that had been deferred
            archive.asked.clear()
            corpus.build(urls, **asks)
            assert len(archive.asked) == asked_there
        assert corpus.ends() == {"ok": 3, "not_found": 1}


FAULTS = {"reset.test/": "connection", "storm-503.test/": "http_error", "robots-500.test/": None}


def test_passing_faults_are_asked_again_when_they_are_due(corpus: Corpus) -> None:
    """After a growing delay, up to a number of builds; lasting ones are not."""
    urls = [f"http://{one}" for one in FAULTS] + ["http://missing.test/", "http://h.test/"]
    soon = {"retry_hours": 1e-9, "retry_builds": 2}
    first = corpus.build(urls, **soon)[-1].manifest
    assert first.extra["waiting"] == 3
    kept = {"retry_hours": 100.0, "retry_builds": 2}
    assert corpus.build(urls, **kept)[-1].reason is None  # nobody is due yet
    for rest in (3, None):
        result = corpus.build(urls, **soon)[-1]
        assert result.reason == "passing faults that are due: 3"
        assert corpus.asked() == {"reset.test/", "storm-503.test/"}
        assert {host for host, _ in corpus.server.asked} == {one[:-1] for one in FAULTS}
        assert result.manifest.extra.get("waiting") == rest
    assert corpus.build(urls, **soon)[-1].reason is None
    assert {row["builds"] for url, row in corpus.rows().items() if url[7:] in FAULTS} == {3}


def test_a_fault_that_has_passed_is_a_page(corpus: Corpus) -> None:
    urls = ["http://comes-back.test/", "http://h.test/"]
    corpus.build(urls, retry_hours=1e-9)
    assert corpus.ends() == {"ok": 1, "connection": 1}
    corpus.server.away.clear()
    result = corpus.build(urls, retry_hours=1e-9)[-1]
    assert corpus.ends() == {"ok": 2} and "waiting" not in result.manifest.extra


def test_outcomes_are_asked_again_by_name(corpus: Corpus) -> None:
    urls = [f"http://{one}" for one in FAULTS] + ["http://missing.test/", "http://h.test/"]
    corpus.build(urls)
    result = corpus.build(urls, retry=["connection", "not_found", "dns"])[-1]
    assert result.reason == "asked for again: 1 connection, 1 not_found"
    assert corpus.asked() == {"reset.test/", "missing.test/"}
    assert corpus.build(urls, retry=["dns"])[-1].reason is None
    with pytest.raises(SettingError, match="--retry dsn: no outcome.*dns"):
        corpus.build(urls, retry=["dsn"])
    with pytest.raises(SettingError, match="--retry ok"):
        corpus.build(urls, retry=["ok"])


@pytest.mark.parametrize(
    ("outcome", "status", "builds", "waits", "hours"),
    [
        ("dns", None, 1, True, 1),
        ("timeout", None, 2, True, 4),
        ("connection", None, 3, True, 16),
        ("host_failed", None, 5, True, 256),
        ("dns", None, 6, False, 0),
        ("robots_unavailable", None, 0, True, 1),  # of a table from before there was the column
        ("http_error", 503, 1, True, 1),
        ("http_error", 429, 1, True, 1),
        ("http_error", 521, 1, True, 1),
        ("http_error", 501, 1, False, 0),
        ("http_error", 403, 1, False, 0),
        ("not_found", 404, 1, False, 0),
        ("robots", None, 1, False, 0),
        ("ok", 200, 1, False, 0),
    ],
)
def test_patience(outcome: str, status: int | None, builds: int, waits: bool, hours: int) -> None:
    row = {"outcome": outcome, "status": status, "builds": builds, "fetched_at": 1_000}
    patience = Patience(5, 1.0, now=1_000 + hours * 3_600)
    assert patience.waits(row) is waits
    if waits:
        assert patience.due_at(row) == patience.now and patience.is_due(row)
        assert not replace(patience, now=patience.now - 1).is_due(row)


def test_what_an_outcome_hangs_on() -> None:
    chosen = PagesSettings(contact="mailto:a@example.org", max_bytes=5_000)
    of = terms(chosen, "key")
    assert of("ok") == of("not_found") == ""
    assert of("too_large") == "max_bytes=5000"
    assert of("deferred") == "key"
    assert of("timeout") == "key timeout=30.0 attempts=3"
    again = FIRST_RUN.chooser("no-such-table")
    row = {"status": None, "final_url": "", "fetched_at": 0}
    assert all(again(row | {"outcome": one}) for one in ("deferred", "timeout", "too_large"))
    assert not again(row | {"outcome": "ok"})
