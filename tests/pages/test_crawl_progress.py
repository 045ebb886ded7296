"""What is seen of a crawl while it runs: from within the build, and from outside."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest
from forks import Command
from support import PROJECT, Run

from pipeline.engine.show_progress import describe
from pipeline.pages import pace
from pipeline.pages.crawl import crawl
from pipeline.pages.pace import Meter
from pipeline.store.progress import HostPace, Pace, Progress, Snapshot, Total, read_progress

from .built_pages import Corpus
from .crawling import link, settings
from .hostile_server import hostile_server

RECIPE = """
[corpus]
root = "{root}"
[links]
sources = [{{kind = "urls", path = "{root}.txt"}}]
[pages]
via = "{origin}"
allow_hosts = ["127.0.0.1"]
delay = 0.3
"""


def has_pages(folder: Path) -> bool:
    pace = read_progress(str(folder)).pace
    return pace is not None and pace.pages > 0


def test_status_shows_a_crawl_from_outside(tmp_path: Path, webtext: Run) -> None:
    """One host has more links than the others, so it is the last to end."""
    root, recipe = tmp_path / "corpus", tmp_path / "recipe.toml"
    hosts = ["slow.test"] * 400 + ["quick.test"] * 150 + ["other.test"] * 140
    Path(f"{root}.txt").write_text("\n".join(f"http://{h}/{i}" for i, h in enumerate(hosts)))
    with hostile_server() as server:
        recipe.write_text(RECIPE.format(root=root, origin=server.origin))
        command = ("-m", "pipeline", "build", str(recipe), "--workers=1", "--until=pages")
        child = Command(*command, folder=PROJECT)
        while not has_pages(root / "pages" / "all"):
            assert child.poll() is None, child.output()
            time.sleep(0.1)
        said = webtext("status", str(root)).stdout
        child.send_signal(signal.SIGKILL)
        child.wait()
    line = next(line for line in said.splitlines() if line.startswith("pages all at work"))
    assert re.search(r"at work: \d+ of 690 links, [\d.]+/s, [\d.]+ MB/s, 0:\d\d:\d\d left; ", line)
    assert re.search(r"; \d+ ok; \d hosts? at work, last to end ", line)
    assert re.search(r"last to end \w+\.test \(\d+ left, [\d.]+ s each\)", line)


def test_a_crawl_says_how_its_hosts_fare(tmp_path: Path) -> None:
    """Links left go down; a host that has ended is no longer at work."""
    seen: list[list[HostPace]] = []
    with hostile_server() as server:
        counts = {"a.test": 40, "b.test": 20}
        links = [link(f"http://{host}/{i}") for host, n in counts.items() for i in range(n)]
        crawl(
            [links],
            settings(server, delay=0.1, timeout=30.0),
            lambda ended: None,
            pulse=lambda hosts: seen.append(list(hosts)),
        )
    first = {host.name: host for host in seen[0]}
    assert first["a.test"].left > first["b.test"].left
    assert all(host.seconds >= 0.1 for host in seen[0])
    assert {host.name for host in seen[-1]} == {"a.test"}


def test_what_was_there_before_counts_as_done(tmp_path: Path) -> None:
    """So that time left is told from what is left."""
    with hostile_server() as server:
        corpus = Corpus(tmp_path / "made", server)
        urls = [f"http://h.test/{i}" for i in range(4)]
        corpus.build(urls, host_pages=3)
        folder, seen = corpus.pages, []
        written = Progress._write

        def write(self: Progress) -> None:
            written(self)
            seen.append(read_progress(str(folder)).done)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Progress, "_write", write)
            corpus.build(urls, host_pages=3)
    assert seen[-1] == 4


def test_the_paces_of_units_are_added(tmp_path: Path) -> None:
    slow, quick = HostPace("slow.test", 100, 2.0), HostPace("quick.test", 10, 0.1)
    with Progress(str(tmp_path), "a") as first, Progress(str(tmp_path), "b") as second:
        first.keep_pace(Pace(2.0, 1e6, 1, (slow,)))
        second.keep_pace(Pace(10.0, 2e6, 3, (quick,)))
        found = read_progress(str(tmp_path)).pace
        assert found == Pace(12.0, 3e6, 4, (slow, quick))
    assert read_progress(str(tmp_path)).pace is None


def test_a_unit_that_was_killed_has_no_pace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Progress(str(tmp_path), "a").keep_pace(Pace(2.0, 1e6, 1, ()))
    assert read_progress(str(tmp_path)).pace
    now = time.time() + 3_600
    monkeypatch.setattr("pipeline.store.progress.time.time", lambda: now)
    assert read_progress(str(tmp_path)).pace is None


def test_the_pace_is_that_of_the_last_half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1_000.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: clock[0])
    meter = Meter()
    for second in range(120):
        clock[0] += 1
        for _ in range(10 if second < 60 else 2):
            meter.count(1_000)
        found = meter.pace([HostPace("a.test", 5, 1.0)])
    assert found == Pace(2.0, 2_000.0, 1, (HostPace("a.test", 5, 1.0),))


def test_the_line_of_a_crawl() -> None:
    hosts = (HostPace("a.example", 2_310, 1.52), HostPace("b.example", 3, 9.0))
    snapshot = Snapshot(1_200, 8, pace=Pace(61.2, 2_340_000.0, 12, hosts))
    snapshot.outcomes.update(ok=1_100, robots=100)
    assert describe(snapshot, Total(3_880, "links"), 99.0, "2 workers") == (
        "1,200 of 3,880 links, 61/s, 2.3 MB/s, 0:00:44 left; 1,100 ok, 100 robots; 12 hosts at "
        "work, last to end a.example (2,310 left, 1.5 s each), b.example (3 left, 9.0 s each); "
        "2 workers"
    )
