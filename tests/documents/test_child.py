"""Extraction in a killable process: hostile pages cost their limits, and no more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psutil
import pytest

from pipeline.documents.child import PageWorker, borrowed, close_idle
from pipeline.documents.page import Page, Verdict
from pipeline.documents.settings import DocumentsSettings

TODAY = date(2026, 1, 1)
PROSE = b"<p>The committee met on Tuesday and heard from three of the engineers.</p>"
DAYS = b"".join(PROSE.replace(b"three", b"%d" % number) for number in range(12))
GOOD = b"<html><body><div>" + DAYS + b"</div></body></html>"


def page(body: bytes, content_type: str = "text/html; charset=utf-8") -> Page:
    return Page("https://example.org/a", body, content_type, TODAY)


@pytest.fixture(scope="module")
def judge() -> Iterator[PageWorker]:
    judge = PageWorker(DocumentsSettings(deadline=2.0, memory_mb=900))
    yield judge
    judge.close()


def served(judge: PageWorker) -> psutil.Process:
    """The child process of a judge."""
    assert judge._child is not None
    return psutil.Process(judge._child._process.pid)


HOSTILE = {
    "a million table rows": b"<table>" + b"<tr><td>1<td>2" * 1_000_000,
    "colspan": b"<table><tr><td colspan=9000000000000000>a<td rowspan=9e15>b</table>" + PROSE * 12,
    "nesting": b"<div>" * 100_000 + PROSE * 12,
    "nested lists": b"<ul><li>" * 50_000 + PROSE * 12,
    "50 MB": b"<p>" + b"a " * 25_000_000,
    "one huge word": b"<p>" + b"a" * 15_000_000,
    "open tags": b"<a<a<a " * 300_000,
    "attributes": b"<p " + b" ".join(b"a%d=1" % i for i in range(200_000)) + b">x</p>",
    "entities": b"&" * 3_000_000,
    "unclosed comment": b"<!--" * 500_000,
    "JSON-LD": b'<script type="application/ld+json">' + b'{"a":[' * 500_000 + b"</script>" + PROSE,
    "half a UTF-16": "<p>text".encode("utf-16")[:-1],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_costs_at_most_its_deadline(name: str, judge: PageWorker) -> None:
    assert judge.ask(page(GOOD)).outcome == "ok"
    verdict = judge.ask(page(HOSTILE[name]))
    assert verdict.outcome in {
        "ok", "empty", "too_short", "language", "language_score", "too_large", "too_many_tags",
        "timeout", "memory",
    }, verdict  # fmt: skip
    assert judge.ask(page(GOOD)).outcome == "ok"


#: Each level holds text, which the list around it must not count once more.
NESTED = {
    "items": b"<ul><li>some words here " * 10_000,
    "meanings": b"<dl><dd>some words here " * 10_000,
    "pairs in wrappers": b"<dl><div><dt>some words here " * 7_000,
}


@pytest.mark.parametrize("name", NESTED)
def test_lists_in_lists_end_in_time(name: str) -> None:
    """A pass for each level would take minutes of the 20 seconds."""
    judge = PageWorker(DocumentsSettings(languages=[]))
    verdict = judge.ask(page(NESTED[name]))
    judge.close()
    assert verdict.outcome == "ok"
    assert verdict.document.extractor == "blocks"


def test_a_page_that_runs_for_ever_is_ended_in_c_code(monkeypatch, tmp_path: Path) -> None:
    with sabotaged(tmp_path, monkeypatch, "re.match(r'(a+)+$', 'a' * 40 + 'b')") as judge:
        verdict = judge.ask(page(b"<p>sabotage</p>"))
        assert verdict == Verdict("timeout", 2.0)
        assert judge.ask(page(GOOD)).outcome == "ok"


def test_a_page_that_crashes_the_parser_is_an_outcome(monkeypatch, tmp_path: Path) -> None:
    with sabotaged(tmp_path, monkeypatch, "os.kill(os.getpid(), signal.SIGSEGV)") as judge:
        assert judge.ask(page(GOOD)).outcome == "ok"
        first = served(judge).pid
        verdict = judge.ask(page(b"<p>sabotage</p>"))
        assert verdict.outcome == "crash"
        assert "SIGSEGV" in verdict.error
        assert judge.ask(page(GOOD)).outcome == "ok"
        assert served(judge).pid != first


def test_a_page_whose_child_is_killed_from_outside_is_judged_again(
    monkeypatch, tmp_path: Path
) -> None:
    once = tmp_path / "once"
    action = f"open({str(once)!r}, 'x'); os.kill(os.getpid(), signal.SIGKILL)"
    with sabotaged(
        tmp_path, monkeypatch, f"if not os.path.exists({str(once)!r}): {action}"
    ) as judge:
        assert judge.ask(page(GOOD.replace(b"Tuesday", b"sabotage"))).outcome == "ok"
        assert once.exists()


def test_ctrl_c_leaves_the_child_at_work(judge: PageWorker) -> None:
    assert judge.ask(page(GOOD)).outcome == "ok"
    child = served(judge)
    child.send_signal(signal.SIGINT)
    assert judge.ask(page(GOOD)).outcome == "ok"
    assert served(judge).pid == child.pid


def test_a_page_that_fills_the_memory_is_an_outcome(monkeypatch, tmp_path: Path) -> None:
    with sabotaged(tmp_path, monkeypatch, "bytearray(2_000_000_000)") as judge:
        assert judge.ask(page(b"<p>sabotage</p>")).outcome == "memory"
        assert judge.ask(page(GOOD)).outcome == "ok"


def test_an_unknown_error_is_an_outcome_with_its_name(monkeypatch, tmp_path: Path) -> None:
    with sabotaged(tmp_path, monkeypatch, "print('noise'); {}['key']") as judge:
        verdict = judge.ask(page(b"<p>sabotage</p>"))
        assert (verdict.outcome, verdict.error) == ("error", "KeyError: 'key'")


class sabotaged(PageWorker):
    """A judge whose child does `action` on pages that say "sabotage"."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, action: str) -> None:
        (folder / "sitecustomize.py").write_text(
            "import os, re, signal, pipeline.documents.verdict as judge\n"
            "prepare = judge.prepare\n"
            "def sabotage(html, url, latest):\n"
            f"    if 'sabotage' in html:\n        {action}\n"
            "    return prepare(html, url, latest)\n"
            "judge.prepare = sabotage\n"
        )
        monkeypatch.syspath_prepend(str(folder))
        super().__init__(DocumentsSettings(deadline=2.0, memory_mb=900))

    def __enter__(self) -> PageWorker:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def test_the_outcomes_of_limits_carry_what_was_measured() -> None:
    settings = DocumentsSettings(max_bytes=1_000, max_tags=10, min_words=30)
    judge = PageWorker(settings)
    cases = {
        b"x" * 1_001: ("too_large", 1_001.0),
        b"<p>" * 11: ("too_many_tags", 11.0),
        b"<p>one two three</p>": ("too_short", 3.0),
        b"<p></p>": ("empty", 0.0),
    }
    for body, (outcome, value) in cases.items():
        verdict = judge.ask(page(body))
        assert (verdict.outcome, verdict.value) == (outcome, value)
    assert judge.ask(page(b"%PDF", "application/pdf")).outcome == "content_type"
    judge.close()


def test_children_are_renewed_after_their_share_of_pages() -> None:
    judge = PageWorker(DocumentsSettings(pages_per_child=2))
    processes = []
    for _ in range(4):
        judge.ask(page(GOOD))
        processes.append(served(judge).pid)
    judge.close()
    assert processes[0] == processes[1] != processes[2] == processes[3]


def test_the_verdict_does_not_depend_on_the_pages_before() -> None:
    fresh, used = PageWorker(DocumentsSettings()), PageWorker(DocumentsSettings())
    used.ask(page(b"<ul><li>" * 2_000 + PROSE * 12))
    used.ask(page(b"<p>short</p>"))
    assert used.ask(page(GOOD)) == fresh.ask(page(GOOD))
    fresh.close()
    used.close()


def test_threads_get_a_child_each_and_children_are_used_again() -> None:
    settings = DocumentsSettings(min_words=3)
    pids: list[int] = []
    together = threading.Barrier(2)

    def work() -> None:
        with borrowed(settings) as judge:
            assert judge.ask(page(GOOD)).outcome == "ok"
            together.wait()
            pids.append(served(judge).pid)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(pids)) == 2
    with borrowed(settings) as judge:
        assert served(judge).pid in pids
    close_idle()
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


def test_a_child_ends_with_its_parent() -> None:
    program = (
        "import os, sys, datetime\n"
        "from pipeline.documents.child import PageWorker\n"
        "from pipeline.documents.page import Page\n"
        "from pipeline.documents.settings import DocumentsSettings\n"
        "judge = PageWorker(DocumentsSettings())\n"
        "judge.ask(Page('https://e.org', b'<p>x', 'text/html', datetime.date(2026, 1, 1)))\n"
        "print(judge._child._process.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
    while psutil.pid_exists(child):  # for ever, if it does not
        time.sleep(0.05)


def test_a_child_that_cannot_start_says_what_to_do() -> None:
    from pipeline.store.errors import WebtextError

    judge = PageWorker(DocumentsSettings(memory_mb=300))
    judge._settings = judge._settings.model_copy(update={"memory_mb": 1})
    with pytest.raises(WebtextError, match="did not start.*memory_mb"):
        judge.ask(page(GOOD))
