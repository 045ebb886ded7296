"""Who stays for whom: always a page of the corpus, whatever is built, forgotten and built again."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dedup.intervals import Dedups, Document, document, shingles

from pipeline.dedup.verify import jaccard
from pipeline.store.addresses import page_id

New = Callable[..., Document]
Prose = Callable[[int, int], list[str]]
THRESHOLD = 0.8


def edited(text: str, places: int, rng: random.Random) -> str:
    """The text with some words replaced."""
    words = text.split()
    for _ in range(places):
        words[rng.randrange(len(words))] = f"new{rng.randrange(10**6)}"
    return " ".join(words)


def test_a_page_that_may_not_be_in_the_corpus_removes_nothing(
    dedups: Dedups, prose: Prose, new_document: New
) -> None:
    texts, rng = prose(3, 200), random.Random(1)
    dedups.write(
        "2024-01",
        [
            new_document("spam.org/0", texts[0], karma=99, reason="gopher_max_hashes_per_word"),
            new_document("clean.org/0", texts[0], karma=3),
            new_document("gone.org/1", edited(texts[1], 2, rng), karma=99, reason="takedown"),
            new_document("clean.org/1", texts[1], karma=3),
            new_document("copy.org/1", edited(texts[1], 2, rng), karma=2),
        ],
    )
    dedups.write("2024-02", [new_document("later.org/0", edited(texts[0], 2, rng))])
    counts = [dedups.run(interval).counts for interval in ("2024-01", "2024-02")]
    assert [(c.seen, c.kept, c.dropped) for c in counts] == [
        (3, 2, {"near": 1}),
        (1, 0, {"near": 1}),
    ]
    assert dedups.removed("2024-01")[page_id("copy.org/1")]["kept_id"] == page_id("clean.org/1")
    assert dedups.removed("2024-02")[page_id("later.org/0")]["kept_id"] == page_id("clean.org/0")


def test_a_page_that_is_crawled_anew_stays_what_it_was(
    dedups: Dedups, prose: Prose, new_document: New
) -> None:
    texts, rng = prose(5, 200), random.Random(1)
    first = [
        new_document("a.org", texts[0]),
        new_document("b.org", texts[1], karma=9),
        new_document("copy.org", edited(texts[1], 2, rng), karma=3),
        new_document("short.org", texts[2], reason="gopher_min_words"),
    ]
    dedups.write("2024-01", first)
    dedups.run("2024-01")
    again = [
        new_document(row["url"][8:], text) for row, text in zip(first, texts[3:], strict=False)
    ]
    again += [new_document("copy.org", texts[4]), new_document("short.org", texts[2])]
    again.append(new_document("other.org", edited(texts[3], 2, rng)))  # only like a.org's new text
    dedups.write("2024-02", again)
    manifest = dedups.run("2024-02", by_beam=True)
    removed = dedups.removed("2024-02")
    assert {
        key: (row["kind"], row["kept_id"], row["similarity"]) for key, row in removed.items()
    } == {
        page_id("a.org"): ("recrawled", page_id("a.org"), None),
        page_id("b.org"): ("recrawled", page_id("b.org"), None),
        page_id("copy.org"): ("recrawled", page_id("b.org"), None),
    }
    assert manifest.counts.kept == 2  # short.org has no document in the corpus yet


class Oracle:
    """The definition over all intervals at once, by brute force."""

    def __init__(self) -> None:
        self.gone: set[str] = set()

    def kept_for(self, months: list[list[Document]]) -> dict[str, str | None]:
        """{page: the page kept for it, None for one that stays}, of all pages that pass."""
        fates: dict[str, str | None] = {}
        kept: list[tuple[str, Any]] = []
        for rows in months:
            before = set(fates)
            for row in sorted(rows, key=lambda r: (-r["karma"], -r["chars"], r["id"])):
                page = row["id"]
                if row["reason"] or page in self.gone or page in before:
                    continue
                own = shingles(row["text"])
                found = [(jaccard(own, other), -i, key) for i, (key, other) in enumerate(kept)]
                best = max(found, default=(0.0, 0, ""))
                fates[page] = best[2] if best[0] >= THRESHOLD else None
                if fates[page] is None:
                    kept.append((page, own))
        return fates

    def forget(self, page: str, months: list[list[Document]]) -> frozenset[str]:
        """The page and what was removed for it are gone for good."""
        fates = self.kept_for(months)
        self.gone |= {page, *(copy for copy, stays in fates.items() if stays == page)}
        return frozenset(self.gone)


def months_of(seed: int, prose: Prose) -> list[list[Document]]:
    """Four months in which texts come back: copied, edited, under old addresses, or bad."""
    rng = random.Random(seed)
    texts = [f"{text} {seed}" for text in prose(12, 60)]
    months = []
    for month in range(4):
        rows = {}
        for number in range(14):
            key = f"{rng.choice('ab')}.org/{rng.randrange(20)}"
            if rng.random() < 0.7:
                key = f"m{month}.org/{number}"
            text = edited(rng.choice(texts), rng.choice([0, 0, 1, 2, 5]), rng)
            reason = "gopher_min_words" if rng.random() < 0.2 else ""
            row = document(key, text, karma=rng.randint(3, 9), reason=reason)
            rows[row["id"]] = row
        months.append(list(rows.values()))
    return months


@pytest.mark.parametrize("seed", range(2))
def test_month_by_month_equals_all_at_once_with_forgetting_and_building_again(
    seed: int, prose: Prose, tmp_path: Path
) -> None:
    rng, months, oracle = random.Random(seed), months_of(seed, prose), Oracle()
    dedups, names = Dedups(tmp_path / "corpus"), [f"2024-{n + 1:02d}" for n in range(4)]
    forgets = 0
    for month, rows in enumerate(months):
        # Builds leave out what the list of forgotten pages names.
        dedups.write(names[month], [row for row in rows if row["id"] not in oracle.gone])
        dedups.run(names[month])
        built = months[: month + 1]
        compare(dedups, names[: month + 1], oracle.kept_for(built))
        for of_many in (True, False):
            fates = oracle.kept_for(built)
            stays = {page for page, kept in fates.items() if kept is None}
            many = stays & set(fates.values()) if of_many else stays
            gone = oracle.forget(rng.choice(sorted(many or stays)), built)
            for name in names[: month + 1]:
                dedups.take_out(name, gone)
            forgets += 1
            compare(dedups, names[: month + 1], oracle.kept_for(built))
        # A month that is built again, and those behind it.
        for again in range(rng.randrange(month + 1), month + 1):
            dedups.run(names[again])
        compare(dedups, names[: month + 1], oracle.kept_for(built))
    assert forgets == 8 and len(oracle.gone) > 8


def compare(dedups: Dedups, names: list[str], fates: dict[str, str | None]) -> None:
    removed = [row for name in names for row in dedups.removed(name).values()]
    copies = {row["id"] for row in removed if row["kind"] != "recrawled"}
    assert copies == {page for page, kept in fates.items() if kept is not None}
    stays = {page for page, kept in fates.items() if kept is None}
    assert {row["kept_id"] for row in removed} <= stays
    counts = [dedups.corpus.require("dedup", name).counts for name in names]
    assert sum(count.kept for count in counts) == len(stays)


def test_an_interval_of_which_nothing_passed(tmp_path: Path) -> None:
    dedups = Dedups(tmp_path / "corpus")
    dedups.write("2024-01", [document("a.org/1", "Some words.", reason="gopher_min_words")])
    assert dedups.run("2024-01").counts.seen == 0
    dedups.write("2024-02", [document("a.org/2", "Some words.")])
    assert dedups.run("2024-02").counts.kept == 1
