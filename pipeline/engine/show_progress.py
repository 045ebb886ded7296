"""The live display of a stage: a bar on a terminal, one line every 30 s elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from pipeline.store.progress import Pace, Snapshot, Total, read_progress

_POLL = 1.0  # seconds between two looks at the stage's progress files
_LINE = 30.0  # seconds between two lines where there is no terminal


def describe(snapshot: Snapshot, total: Total, seconds: float, activity: str) -> str:
    """`1,200 of 3,880 pages, 61/s, 0:44 left; 1,100 ok, 100 robots; 2 workers, 14/20 tasks`.

    Of a crawl also bytes, hosts at work and those that will end last.
    """
    rate = snapshot.done / seconds if seconds > 0 else 0.0
    pace, hosts = snapshot.pace, ""
    if pace is not None:
        rate, hosts = pace.pages, describe_hosts(pace)
    text = (
        f"{snapshot.done:,} of {total.amount:,} {total.unit}, {rate:,.{0 if rate >= 10 else 1}f}/s"
    )
    if pace is not None:
        text += f", {pace.bytes / 1e6:,.1f} MB/s"
    if rate > 0 and total.amount > snapshot.done:
        left = round((total.amount - snapshot.done) / rate)
        text += f", {left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left"
    outcomes = ", ".join(f"{n:,} {name}" for name, n in snapshot.outcomes.most_common(5))
    return "; ".join(part for part in (text, outcomes, hosts, activity) if part)


def describe_hosts(pace: Pace) -> str:
    """`12 hosts at work, last to end a.example (2,310 left, 1.5 s each)`."""
    text = f"{pace.hosts:,} hosts at work"
    slowest = (
        f"{host.name} ({host.left:,} left, {host.seconds:.1f} s each)" for host in pace.slowest
    )
    return f"{text}, last to end {', '.join(slowest)}" if pace.slowest else text


@contextmanager
def watch(stage: str, folder: str, total: Total, activity: Callable[[], str]) -> Iterator[None]:
    """Shows the progress of the stage in `folder` while the block runs."""
    console = Console(stderr=True, markup=False)
    started = time.monotonic()
    ended = threading.Event()

    def line() -> tuple[int, str]:
        snapshot = read_progress(folder)
        return snapshot.done, describe(snapshot, total, time.monotonic() - started, activity())

    show = _bar if console.is_terminal else _lines
    thread = threading.Thread(target=show, args=(stage, total, line, ended, console), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _bar(
    stage: str,
    total: Total,
    line: Callable[[], tuple[int, str]],
    ended: threading.Event,
    console: Console,
) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(30), TextColumn("{task.fields[text]}"))
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(stage, total=max(total.amount, 1), text="starts")
        while not ended.wait(_POLL):
            done, text = line()
            bar.update(task, completed=done, text=text)


def _lines(
    stage: str,
    total: Total,
    line: Callable[[], tuple[int, str]],
    ended: threading.Event,
    console: Console,
) -> None:
    while not ended.wait(_LINE):
        console.print(f"{stage}: {line()[1]}", soft_wrap=True, highlight=False)
