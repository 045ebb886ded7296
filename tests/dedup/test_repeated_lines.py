"""Lines that repeat across a host: what counts as one, what is stripped, what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.dedup import measure_lines
from pipeline.store.repeated_lines import (
    NO_LINES,
    line_hash,
    long_lines,
    read_host_lines,
    strip_host_lines,
)

FOOTER = "Copyright 2024 by The Example Project. All rights are reserved."
BANNER = "  Please support this site by switching off your blocker  "
LINES = frozenset({line_hash(FOOTER), line_hash(BANNER)})


@pytest.mark.parametrize(
    ("text", "stripped", "removed"),
    [
        ("", "", 0),
        ("one\ntwo", "one\ntwo", 0),
        (f"one\n{FOOTER}", "one", 1),
        (f"{BANNER}\none\n\n   {FOOTER}\ntwo\n{FOOTER}", "one\n\ntwo", 3),
        (f"one\n\n{FOOTER}\n\ntwo\n\n\nthree", "one\n\ntwo\n\n\nthree", 1),
        (f"{BANNER}\n\none\n\n{FOOTER}", "one", 2),
        (f"{BANNER}\n{FOOTER}\n ", f"{BANNER}\n{FOOTER}\n ", 0),
        (f"one {FOOTER}\r\n", f"one {FOOTER}\r\n", 0),
    ],
)
def test_strip(text: str, stripped: str, removed: int) -> None:
    assert strip_host_lines(text, LINES) == (stripped, removed)
    assert strip_host_lines(text, NO_LINES) == (text, 0)


def test_short_lines_are_no_boilerplate() -> None:
    assert long_lines(f"See also\n{FOOTER}\n \n{FOOTER}\nonly three words", 4) == [
        line_hash(FOOTER)
    ]


@pytest.fixture
def pages(
    dedups: Any, prose: Any, new_document: Callable[..., dict[str, Any]]
) -> list[dict[str, Any]]:
    """30 pages of one host under a long banner, and 5 of another host."""
    banner = "\n".join(prose(8, 40))
    texts = prose(35, 30)
    return [
        *(
            new_document(f"big.org/{i}", f"{banner}\n{t}\n{FOOTER}")
            for i, t in enumerate(texts[:30])
        ),
        *(new_document(f"small.org/{i}", f"{t}\n{FOOTER}") for i, t in enumerate(texts[30:])),
    ]


def test_pages_under_one_banner_are_no_duplicates(dedups: Any, pages: Any) -> None:
    dedups.write("all", pages, parts=3)
    manifest = dedups.run("all")
    assert manifest.counts.dropped == {}
    (path,) = dedups.corpus.paths("dedup", "all", "hostlines-")
    rows = pq.read_table(path).to_pylist()
    assert {(row["host"], row["pages"], row["sampled"]) for row in rows} == {("big.org", 30, 30)}
    assert len(rows) == manifest.extra["host_lines_found"] == 9
    assert manifest.extra["host_line_pages"] == 30
    assert manifest.extra["host_lines"] == 9 * 30
    found = [read_host_lines([path], part) for part in dedups.corpus.paths("documents", "all")]
    assert found[0].keys() == {"big.org"} and found == [found[0]] * 3
    stripped, _ = strip_host_lines(pages[0]["text"], found[0]["big.org"])
    assert stripped == pages[0]["text"].splitlines()[8]
    without = dedups.run("all", host_lines={"enabled": False})
    assert without.counts.dropped["near"] == 29
    assert dedups.corpus.paths("dedup", "all", "hostlines-") == []


def test_only_lines_of_the_part_s_hosts_are_read(tmp_path: Path) -> None:
    documents, tables = str(tmp_path / "documents"), [str(tmp_path / name) for name in "ab"]
    pq.write_table(pa.table({"url": ["http://a.org/1", "https://b.org/2"]}), documents)
    for path, hosts in zip(tables, (["a.org", "c.org"], ["a.org", "b.org"]), strict=True):
        lines = [line_hash(f"{host} in {path}").hex() for host in hosts]
        pq.write_table(pa.table({"host": hosts, "line": lines}), path)
    one, other = (line_hash(f"a.org in {path}") for path in tables)
    third = line_hash(f"b.org in {tables[1]}")
    assert read_host_lines(tables, documents) == {"a.org": {one, other}, "b.org": {third}}


def test_the_sample_does_not_depend_on_parts(
    dedups: Any, pages: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure_lines, "SAMPLE", 12)
    found = set()
    for parts in (1, 4):
        dedups.write("all", pages, parts)
        found.add(dedups.run("all").fingerprint)
        (path,) = dedups.corpus.paths("dedup", "all", "hostlines-")
        assert set(pq.read_table(path)["sampled"].to_pylist()) == {12}
    assert len(found) == 1
