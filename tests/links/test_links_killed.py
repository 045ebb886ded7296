"""Reading a dump that is killed at any moment goes on, and says what an undisturbed one says."""

from __future__ import annotations

import signal
from pathlib import Path

import orjson
import pytest
from forks import run_python

from pipeline.links import mentions
from pipeline.links.mentions import SourceUnit, read_source
from pipeline.links.reddit_dump import RedditDump
from pipeline.store.parts import Part

CHILD = """
import os, signal, sys
from pipeline.links import mentions
from pipeline.links.reddit_dump import RedditDump
path, folder, files = sys.argv[1:]
mentions._RUN = mentions._BATCH = 100
left, replace = [int(files)], os.replace
def replace_or_die(*places):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*places)
os.replace = replace_or_die
dump = RedditDump(kind="reddit-dump", posts=path)
unit = mentions.SourceUnit(dump.find()[0], 0, folder, "key", False)
mentions.read_source(unit)
"""


def read(path: Path, folder: Path) -> list[Part]:
    dump = RedditDump(kind="reddit-dump", posts=str(path))
    parts = read_source(SourceUnit(dump.find()[0], 0, str(folder), "key", False))
    return sorted(parts, key=lambda part: part.file.name if part.file else "")


def finished(folder: Path) -> dict[str, bytes]:
    """The files that count, by name; the progress notes of a killed process do not."""
    found = {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    return {name: data for name, data in found.items() if name.endswith((".parquet", ".jsonl"))}


@pytest.mark.parametrize("files", [1, 2, 7, 11, 12])
def test_killed_before_a_file_is_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int
) -> None:
    rows = [{"id": str(n), "url": f"http://a{n}.io", "score": n} for n in range(1_000)]
    lines = [
        orjson.dumps({**row, "created_utc": 1, "over_18": n % 9 == 0}) for n, row in enumerate(rows)
    ]
    (tmp_path / "RS.ndjson").write_bytes(b"\n".join([*lines, b"{cut"]))
    dump, folder = tmp_path / "RS.ndjson", tmp_path / "killed"
    child = run_python("-c", CHILD, str(dump), str(folder), str(files), folder=tmp_path)
    assert child.returncode == -signal.SIGKILL, child.stdout
    monkeypatch.setattr(mentions, "_RUN", 100)
    monkeypatch.setattr(mentions, "_BATCH", 100)
    parts = read(dump, folder)
    assert read(dump, folder) == parts
    assert parts == read(dump, tmp_path / "whole")
    assert finished(folder) == finished(tmp_path / "whole")
    assert sum(part.file.rows for part in parts if part.file) == 1_000 + 1
