"""Lines that repeat across a host: what counts as one, what is cut, what is measured and told."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quality_corpus import Build, build, page, prose, run, table

from pipeline.engine.stage import Job
from pipeline.quality import lines
from pipeline.quality.lines import SampledPage, one_of_each, read_host_lines, repeated_lines
from pipeline.quality.measure_document import measure_text
from pipeline.quality.settings import HostLineSettings
from pipeline.quality.stage import QualityStage
from pipeline.store.addresses import page_id
from pipeline.store.cuts import joined, without
from pipeline.store.language import identify
from pipeline.store.repeated_lines import (
    NO_LINES,
    count_characters,
    find_repeated,
    is_long,
    line_hash,
    long_lines,
)

FOOTER = "Copyright 2024 by The Example Project. All rights are reserved."
BANNER = "  Please support this site by switching off your blocker  "
LINES = frozenset({line_hash(FOOTER), line_hash(BANNER)})
SETTINGS = HostLineSettings()


@pytest.mark.parametrize(
    ("text", "left", "count"),
    [
        ("", "", 0),
        ("one\ntwo", "one\ntwo", 0),
        (f"one\n{FOOTER}", "one", 1),
        (f"{BANNER}\none\n\n   {FOOTER}\ntwo\n{FOOTER}", "one\n\ntwo", 3),
        (f"one\n\n{FOOTER}\n\ntwo\n\n\nthree", "one\n\ntwo\n\n\nthree", 1),
        (f"{BANNER}\n\none\n\n{FOOTER}", "one", 2),
        (f"one\r\n{FOOTER}\r\ntwo\r\n", "one\r\ntwo", 1),
        (f"{BANNER}\n{FOOTER}\n ", "", 2),
        (f"one {FOOTER}\r\n", f"one {FOOTER}\r\n", 0),
    ],
)
def test_what_is_cut(text: str, left: str, count: int) -> None:
    repeated = find_repeated(text, LINES)
    assert (without(text, repeated.spans), repeated.lines) == (left, count)
    assert joined(repeated.spans) == repeated.spans
    gone = count_characters(text) - count_characters(left)
    assert repeated.share == pytest.approx(gone / max(1, count_characters(text)))
    assert find_repeated(text, NO_LINES).spans == []


@given(st.lists(st.sampled_from(["", " ", "one", "two words", FOOTER, BANNER]), max_size=12))
def test_nothing_else_is_cut(parts: list[str]) -> None:
    text = "\n".join(parts)
    left = without(text, find_repeated(text, LINES).spans)
    words = [line.strip() for line in parts if line.strip() and line_hash(line) not in LINES]
    assert [line.strip() for line in left.splitlines() if line.strip()] == words


@pytest.mark.parametrize(
    ("line", "long"),
    [
        ("See also", False),
        ("only three words", False),
        (FOOTER, True),
        ("版权所有", False),
        ("版权所有二零二四年示例项目", True),
        ("สงวนลิขสิทธิ์ทั้งหมด", True),
        ("版权 2024", False),
    ],
)
def test_long_lines_are_told_by_words_or_characters(line: str, long: bool) -> None:
    assert is_long(line, SETTINGS.words, SETTINGS.characters) is long
    found = long_lines(f" {line}\n\n{line} ", SETTINGS.words, SETTINGS.characters)
    assert found == ({line_hash(line): len(line)} if long else {})


def sampled(number: int, text: str) -> SampledPage:
    found = long_lines(text, SETTINGS.words, SETTINGS.characters)
    hashes = np.array([int.from_bytes(line) for line in found], np.uint64)
    lengths = np.array(list(found.values()), np.int64)
    return SampledPage(f"{number:032x}", hashes, lengths, count_characters(text))


def words(seed: object, count: int) -> str:
    rng = random.Random(str(seed))
    return " ".join("".join(rng.choices("abcdefghijklmno", k=6)) for _ in range(count))


def essay(seed: object, paragraphs: int = 6) -> str:
    return "\n\n".join(words((seed, i), 60) for i in range(paragraphs))


def test_copies_of_a_text_are_one_page() -> None:
    text = essay("essay")
    copies = [f"{text}\n{number} comments" for number in range(4)]
    pages = [*copies, *(essay(number) for number in range(6)), f"{text}\n{essay('more', 9)}"]
    kept = one_of_each([sampled(i, page) for i, page in enumerate(pages)], SETTINGS.most)
    assert kept == [0, *range(4, 11)]  # the last has more of its own than of the essay


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        # A text at four addresses among ten pages: 40 % of the pages, one of seven texts.
        ([essay("essay") + f"\n{n} comments" for n in range(4)] + [essay(n) for n in range(6)], 0),
        ([essay("essay") + f"\n{n} comments" for n in range(4)] + [essay(n) for n in range(9)], 0),
        ([f"{essay(n)}\n{FOOTER}" for n in range(9)], 0),
        ([f"{essay(n)}\n{FOOTER}" for n in range(10)], 1),
        ([f"{essay(n)}\n{FOOTER if n < 3 else ''}" for n in range(10)], 0),
        ([f"{essay(n)}\n{FOOTER if n < 4 else ''}" for n in range(10)], 1),
        ([f"{essay(n)}\nSee also" for n in range(10)], 0),
        # Pages of little more than a banner are as good as copies: nothing would be taken.
        ([f"{essay('banner')}\n{words(n, 30)}" for n in range(30)], 0),
        ([f"{words('banner', 30)}\n{essay(n, 2)}" for n in range(30)], 1),
    ],
    ids=["copies of 10", "copies of 13", "9 pages", "10 pages", "3 of 10", "4 of 10", "short",
         "banner of most", "banner of some"],
)  # fmt: skip
def test_what_repeats(pages: list[str], expected: int) -> None:
    found = repeated_lines([sampled(i, text) for i, text in enumerate(pages)], SETTINGS)
    assert len(found) == expected
    assert all(line.pages > SETTINGS.share * line.sampled for line in found)


GERMAN = (
    "Diese Seite steht unter einer freien Lizenz und darf von allen gelesen werden, die es wollen."
)


@pytest.fixture
def site(documents: Build) -> Job:
    """A host of 13 pages: an essay at four addresses, pages under a footer, one of little else."""
    text = f"{prose(100)}\n{essay('essay', 4)}"
    pages = [page(f"https://a.org/copy{n}", f"{text}\n{n} comments") for n in range(4)]
    for n in range(8):
        pages.append(page(f"https://a.org/{n}", f"{prose(n)}\n\n{FOOTER}\n{GERMAN}"))
    pages.append(page("https://a.org/mostly", f"Hardly a word.\n{FOOTER}\n{GERMAN}"))
    return documents(pages)


def test_a_text_at_several_addresses_stays_whole(site: Job) -> None:
    build(site)
    kept, documents = table(site, "corpus"), table(site, "documents")
    for n in range(4):
        identity = page_id(f"a.org/copy{n}")
        assert kept[identity]["text"] == documents[identity]["text"]


def test_quality_length_and_language_are_those_of_the_written_text(site: Job) -> None:
    decisions = build(site)
    measured, kept = table(site, "quality"), table(site, "corpus")
    identity = page_id("a.org/1")
    text, cut = kept[identity]["text"], measured[identity]
    assert text == prose(1) and decisions[identity]["kept"]
    assert (cut["lines_cut"], cut["lines_words"]) == (2, len(text.split()))
    assert (cut["lines_language"], cut["lines_language_score"]) == identify(text)
    assert kept[identity]["words"] == len(text.split())
    assert cut["gopher_words"] == measure_text(text)["gopher_words"]

    # Of this one more than `most` would go: it stays as it is, and that is told.
    left = measured[page_id("a.org/mostly")]
    assert left["lines_share"] > 0.5 and left["lines_cut"] == 0 and left["lines_words"] is None
    extra = site.corpus.require("quality", site.interval).extra
    assert (extra["host_lines_left"], extra["host_lines_pages"]) == (1, 8)
    assert (extra["host_lines_cut"], extra["host_lines_found"]) == (16, 2)


def test_what_is_left_must_be_a_document(documents: Build) -> None:
    """The documents stage has measured length and language of the whole page."""
    german = "\n".join(f"{GERMAN} {word}" for word in ("Das", "ist", "nicht", "wahr"))
    pages = [page(f"https://a.org/{n}", f"{german}\n{prose(n)}") for n in range(11)]
    few = " ".join(["word"] * 19)
    pages.append(page("https://a.org/few", f"{few}\n{GERMAN} Das"))
    pages.append(page("https://a.org/other", f"{_french()}\n{german}"))
    job = documents(pages, None, {"host_lines": {"most": 0.9}})
    _limit(job, min_words=20, languages=["en"], min_language_score=0.0)
    run(QualityStage(), job)
    verdicts = table(job, "quality", "verdicts-")
    reasons = {key: verdicts[page_id(f"a.org/{key}")] for key in ("few", "other")}
    few_words = reasons["few"]
    assert (few_words["reason"], few_words["value"]) == ("lines_too_short", 19.0)
    assert (reasons["other"]["reason"], reasons["other"]["detail"]) == ("lines_language", "fr")


def _french() -> str:
    return (
        "La rivière prend sa source dans les collines au nord de la ville, où la pluie se "
        "rassemble dans des bassins peu profonds parmi les bruyères, et les vieux moulins."
    )


def _limit(job: Job, **settings: Any) -> None:
    """Lets the documents stage have had these settings."""
    manifest = job.corpus.require("documents", job.interval)
    changed = manifest.model_copy(update={"settings": settings})
    folder = Path(job.corpus.folder("documents", job.interval))
    next(folder.glob("*anifest.json")).write_bytes(changed.to_json())


def test_only_lines_of_the_part_s_hosts_are_read(tmp_path: Path) -> None:
    documents, tables = str(tmp_path / "documents"), [str(tmp_path / name) for name in "ab"]
    pq.write_table(pa.table({"url": ["http://a.org/1", "https://b.org/2"]}), documents)
    for path, hosts in zip(tables, (["a.org", "c.org"], ["a.org", "b.org"]), strict=True):
        found = [line_hash(f"{host} in {path}").hex() for host in hosts]
        pq.write_table(pa.table({"host": hosts, "line": found}), path)
    one, other = (line_hash(f"a.org in {path}") for path in tables)
    third = line_hash(f"b.org in {tables[1]}")
    assert read_host_lines(tables, documents) == {"a.org": {one, other}, "b.org": {third}}


def test_units_and_ranges_change_nothing(site: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for documents, pages in ((20_000, 100_000), (1, 2)):
        monkeypatch.setattr(lines, "documents_a_unit", lambda _, most=documents: most)
        monkeypatch.setattr(lines, "_PAGES_A_RANGE", pages)
        run(QualityStage(), site)
        paths = site.corpus.paths("quality", site.interval, "hostlines-")
        rows = [row for path in paths for row in pq.read_table(path).to_pylist()]
        found.append((site.corpus.require("quality", site.interval).fingerprint, rows))
        manifest = Path(QualityStage().folder(site))
        for path in manifest.iterdir():
            path.unlink()
    assert found[0][0] == found[1][0] and found[0][1] == found[1][1] != []


def test_the_sample_of_a_host_is_bounded(site: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "SAMPLE", 11)
    run(QualityStage(), site)
    paths = site.corpus.paths("quality", site.interval, "hostlines-")
    rows = [row for path in paths for row in pq.read_table(path).to_pylist()]
    assert {row["sampled"] for row in rows} <= {10, 11}
