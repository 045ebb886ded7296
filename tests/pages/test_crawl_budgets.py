"""What a budget does not reach is deferred, and comes first in the next run."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.pages.group import Group
from pipeline.pages.host_lock import HostLocks
from pipeline.pages.worker import fetch_group

from .crawling import link, outcomes, settings
from .hostile_server import hostile_server


def test_budgets_of_a_host() -> None:
    with hostile_server() as server:
        urls = [f"http://h.test/{i}" for i in range(5)]
        assert outcomes(urls, settings(server, host_pages=2)) == ["ok"] * 2 + ["deferred"] * 3
        assert outcomes(urls, settings(server), until=time.time() - 1) == ["deferred"] * 5
        slow = settings(server, host_seconds=0.2, delay=0.15)
        assert outcomes(urls, slow).count("deferred") >= 3


def test_the_deferred_come_first_in_the_next_run(tmp_path: Path) -> None:
    with hostile_server() as server:
        links = sorted((link(f"http://h.test/{i}") for i in range(20)), key=lambda one: one.id)
        old, new = links[10:], links[:10]
        first = Group(0, 1, str(tmp_path), "first", settings(server), ())
        assert fetch_group(first, old, until=time.time() - 1)[0].counts.dropped == {"deferred": 10}
        second = replace(first, key="second")
        assert fetch_group(second, [*old, *new])[0].counts.kept == 20
        pages = [path for path in (p for _, p in server.asked) if path[1:].isdigit()]
    wanted = ["/" + one.url.rsplit("/", 1)[1] for one in [*old, *new]]
    assert pages == wanted
    assert len(pq.read_table(tmp_path / "fetches-00000-of-00001.parquet")) == 20


def test_two_crawls_take_turns_at_a_host(tmp_path: Path) -> None:
    """As two workers do when a redirect leads both to one host."""
    with hostile_server() as server:
        chosen, found = settings(server), []

        def one(start: int) -> None:
            urls = [f"http://shared.test/{i}" for i in range(start, start + 20)]
            found.extend(outcomes(urls, chosen, locks=HostLocks(tmp_path)))

        threads = [threading.Thread(target=one, args=(start,)) for start in (0, 100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == ["ok"] * 40
        assert server.most_together["shared.test"] == 1
