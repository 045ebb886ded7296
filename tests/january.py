"""Builds the made-up January 2024 dump over its real pages, and watches the memory it takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from support import Run

from pipeline.cli.demo import replay_server

INTERVAL = "2024-01"
PAGES = "pages/docs.warc.gz"
DUMPS = ("reddit/RS_2024-01_docs.zst", "reddit/RC_2024-01_docs.zst")
VOCABULARY = "tokens.vocab_size=16384"


@dataclass(frozen=True)
class January:
    """The built month."""

    root: Path

    def peak(self) -> int:
        """The most bytes that all processes of the build held together."""
        return int(_peak_file(self.root).read_text())


def _peak_file(root: Path) -> Path:
    return root.with_suffix(".peak")


def dump_source(posts: str, comments: str) -> str:
    """The override that takes the links from a dump."""
    return f'links.sources=[{{kind="reddit-dump", posts="{posts}", comments="{comments}"}}]'


def build_january(root: Path, shared_data: Path, webtext: Run) -> None:
    """Builds the month into `root` on two workers, its pages crawled from a server on loopback."""
    peak, started = [0], time.monotonic()
    with replay_server(shared_data / PAGES) as server, _watched(peak):
        done = webtext(
            "build",
            "quickstart",
            f"--set=corpus.root={root}",
            f"--set=pages.via={server}",
            f"--set={dump_source(*(str(shared_data / name) for name in DUMPS))}",
            f"--set={VOCABULARY}",
            "--runner=dask",
            "--workers=2",
        )
    assert done.returncode == 0, done.stdout
    print(f"{time.monotonic() - started:.0f} s, {peak[0] >> 20} MiB\n{done.stdout}")
    _peak_file(root).write_text(str(peak[0]))


@contextmanager
def _watched(peak: list[int]) -> Iterator[None]:
    """Puts the most memory that all processes below this one take into `peak`."""
    ended = threading.Event()

    def measure() -> None:
        while not ended.wait(1):
            peak[0] = max(peak[0], _tree_memory())

    thread = threading.Thread(target=measure)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _tree_memory() -> int:
    """Bytes of unique memory of all processes below this one."""
    total = 0
    for child in psutil.Process().children(recursive=True):
        try:
            total += child.memory_full_info().uss
        except psutil.Error:
            continue
    return total
