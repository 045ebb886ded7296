"""Passages by the stage, against the definition by brute force."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dedup.intervals import Dedups, Document, in_order
from dedup.test_representatives import Prose

from pipeline.dedup.passages.settings import PassageSettings
from pipeline.dedup.passages.spans import PageText, equal_words
from pipeline.dedup.stage import DedupStage
from pipeline.store.errors import WebtextError
from pipeline.store.forgotten import FORGOTTEN
from pipeline.store.unspaced import words_and_characters

ON = {"enabled": True, "bounds": "word", "least": 20, "words": 20}
New = Callable[..., Document]
#: Of a page that loses passages: (first word, the one behind, the page that has them, from where).
Rows = list[tuple[int, int, str, int]]


def brute_force(pages: list[Document], settings: PassageSettings) -> dict[str, Rows | str]:
    """What goes of each page, pages in keep order: rows, or the page for which it goes whole.

    Every run of words in turn is looked up among those that pages before have kept.
    """
    length = settings.words
    keepers: dict[tuple[str, ...], tuple[str, int]] = {}
    fates: dict[str, Rows | str] = {}
    for page in pages:
        words = words_and_characters(page["text"])
        runs = [tuple(words[i : i + length]) for i in range(len(words) - length + 1)]
        owner: list[tuple[str, int] | None] = [None] * len(words)
        passages = [(i, keepers[run]) for i, run in enumerate(runs) if run in keepers]
        for i, (kept, place) in passages:
            for k in range(length):
                owner[i + k] = owner[i + k] or (kept, place - i)
        covered = sum(one is not None for one in owner)
        if covered and (
            covered > settings.most * len(words) or len(words) - covered < settings.least
        ):
            names = [one[0] for one in owner if one]
            most = max(names.count(name) for name in set(names))
            order = [one["id"] for one in pages]
            fates[page["id"]] = min(
                (name for name in set(names) if names.count(name) == most), key=order.index
            )
            continue
        rows: Rows = []
        for i, one in enumerate(owner):
            if one is None:
                continue
            if rows and rows[-1][1] == i and (rows[-1][2], rows[-1][3] - rows[-1][0]) == one:
                rows[-1] = rows[-1][0], i + 1, rows[-1][2], rows[-1][3]
            else:
                rows.append((i, i + 1, one[0], one[1] + i))
        if rows:
            fates[page["id"]] = rows
        for i, run in enumerate(runs):
            if not any(owner[i : i + length]):
                keepers.setdefault(run, (page["id"], i))
    return fates


def pages_of(seed: int, prose: Prose, new_document: New, count: int = 60) -> list[Document]:
    """Pages of paragraphs of which many are on several pages, some with a word that differs."""
    rng = random.Random(seed)
    stock = prose(seed + 12, 70)
    pages = []
    for i in range(count):
        paragraphs, shared = [], rng.choice([0.4, 0.95])
        for k in range(rng.randint(1, 6)):
            words = [f"own{seed}.{i}.{k}.{n}" for n in range(rng.randint(5, 90))]
            if rng.random() < shared:
                words = rng.choice(stock).split()[rng.randrange(40) : rng.randint(30, 70)]
            if words and rng.random() < 0.3:
                words[rng.randrange(len(words))] = f"new{rng.random()}"
            paragraphs.append(" ".join(words))
        pages.append(
            new_document(f"s{seed}.org/{i}", "\n\n".join(paragraphs), karma=rng.randint(3, 9))
        )
    return pages


def in_keep_order(pages: list[Document]) -> list[Document]:
    return sorted(pages, key=lambda page: (-page["karma"], -page["chars"], page["id"]))


def found(dedups: Dedups, interval: str, texts: dict[str, PageText]) -> dict[str, Rows | str]:
    """The tables of an interval as `brute_force` says it."""
    fates: dict[str, Rows | str] = {
        page: row["kept_id"]
        for page, row in dedups.removed(interval).items()
        if row["kind"] == "passages"
    }
    for row in dedups.passages(interval):
        page, kept = texts[row["id"]], texts[row["kept_id"]]
        inside = (page.words.starts >= row["start"]) & (page.words.stops <= row["stop"])
        first = int(inside.argmax())
        kept_first = int(kept.words.starts.searchsorted(row["kept_start"]))
        rows = fates.setdefault(row["id"], [])
        assert isinstance(rows, list)
        rows.append((first, first + int(inside.sum()), row["kept_id"], kept_first))
        assert equal_words(
            page.text[row["start"] : row["stop"]],
            kept.text[row["kept_start"] : row["kept_stop"]],
        )
    return fates


@pytest.mark.parametrize("seed", range(2))
def test_what_goes_is_the_definition(
    seed: int, dedups: Dedups, prose: Prose, new_document: New
) -> None:
    pages = pages_of(seed, prose, new_document)
    texts = {page["id"]: PageText(page["text"]) for page in pages}
    dedups.write("all", pages, parts=3)
    dedups.run("all", threshold=1.0)
    duplicates = dedups.removed("all")
    live = [page for page in in_keep_order(pages) if page["id"] not in duplicates]
    expected = brute_force(live, PassageSettings(**ON))
    dedups.run("all", threshold=1.0, passages=ON)
    assert sum(isinstance(fate, str) for fate in expected.values()) > 3
    assert sum(isinstance(fate, list) for fate in expected.values()) > 10
    whole = {key: row for key, row in dedups.removed("all").items() if key in texts}
    assert {key for key in whole if whole[key]["kind"] != "passages"} <= duplicates.keys()
    now = found(dedups, "all", texts)
    assert {key: fate for key, fate in now.items() if key not in duplicates} == expected


def with_copies(pages: list[Document], seed: int, new_document: New) -> list[Document]:
    """The pages and, of a third of them, a copy or one with a few other words."""
    rng, copies = random.Random(seed), []
    for i, page in enumerate(rng.sample(pages, len(pages) // 3)):
        words = page["text"].split(" ")
        for _ in range(rng.choice([0, 1, 2])):
            words[rng.randrange(len(words))] = f"new{rng.random()}"
        copies.append(new_document(f"c{seed}.org/{i}", " ".join(words), karma=rng.randint(3, 9)))
    return rng.sample([*pages, *copies], len(pages) + len(copies))


def tables(dedups: Dedups, months: list[str]) -> tuple[list[Document], list[Document]]:
    """Removals and passages of all months, in order of ids."""
    removed = [row for month in months for row in dedups.removed(month).values()]
    passages = [row for month in months for row in dedups.passages(month)]
    return in_order(removed), in_order(passages)


def check_stays(dedups: Dedups, months: list[str], pages: list[Document]) -> None:
    """Each page that is named is in the corpus, and has lost nothing of what it keeps."""
    removed, passages = tables(dedups, months)
    live = {page["id"] for page in pages} - {row["id"] for row in removed}
    lost = {page: [row for row in passages if row["id"] == page] for page in live}
    assert {row["kept_id"] for row in [*removed, *passages]} <= live
    assert {row["id"] for row in passages} <= live
    for row in passages:
        for other in lost[row["kept_id"]]:
            assert other["stop"] <= row["kept_start"] or row["kept_stop"] <= other["start"]


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.system)])
def test_month_by_month_equals_all_at_once_with_forgetting_and_building_again(
    seed: int, dedups: Dedups, prose: Prose, new_document: New, tmp_path: Path
) -> None:
    pages = with_copies(pages_of(seed, prose, new_document), seed, new_document)
    months = ["2024-01", "2024-02", "2024-03"]
    on: dict[str, Any] = {"passages": ON | {"bounds": "sentence" if seed == 1 else "word"}}
    for i, month in enumerate(months):
        dedups.write(month, pages[i::3], parts=i + 1)
        dedups.run(month, **on)
    check_stays(dedups, months, pages)
    removed, passages = tables(dedups, months)
    assert {row["kind"] for row in removed} == {"exact", "near", "passages"}
    assert len(passages) > 10

    folder = tmp_path / "at-once"
    assert in_order(dedups.at_once(months, folder, **on).to_pylist()) == removed
    assert dedups.passages_at_once(folder) == passages

    # The page that keeps most is forgotten, and all that was removed for it.
    kept = [row["kept_id"] for row in passages]
    first = max(set(kept), key=lambda page: (kept.count(page), page))
    gone = frozenset({first} | {row["id"] for row in removed if row["kept_id"] == first})
    for month in months:
        dedups.take_out(month, gone)
    after = tables(dedups, months)[1]
    assert {row["elsewhere"] for row in after if row["kept_id"] is None} == {FORGOTTEN}
    assert len(after) == sum(row["id"] not in gone for row in passages)

    fresh = Dedups(tmp_path / "fresh")
    for i, month in enumerate(months):
        left = [page for page in pages[i::3] if page["id"] not in gone]
        fresh.write(month, left, parts=2)
        fresh.run(month, **on)
        dedups.run(month, **on)
    assert tables(dedups, months) == tables(fresh, months)
    check_stays(dedups, months, pages)


def test_nothing_depends_on_parts_or_runner_and_off_nothing_is_there(
    dedups: Dedups, prose: Prose, new_document: New
) -> None:
    pages = pages_of(9, prose, new_document, 30)
    dedups.write("all", pages, parts=1)
    off = dedups.run("all", passages={"enabled": False, "words": 30})
    assert off.settings_hash == dedups.run("all").settings_hash
    assert not [entry.name for entry in off.files if "passages" in entry.name]
    one = dedups.run("all", passages=ON)
    assert one.extra["passage_pages"] == len({row["id"] for row in dedups.passages("all")}) > 0
    dedups.write("all", pages[::-1], parts=4)
    two = dedups.run("all", by_beam=True, passages=ON)
    assert (one.fingerprint, one.counts, one.extra) == (two.fingerprint, two.counts, two.extra)
    assert one.fingerprint != off.fingerprint


def test_what_others_have_is_cut_for_them_and_stays_there(
    dedups: Dedups, prose: Prose, new_document: New, tmp_path: Path
) -> None:
    one, two, own, mine = prose(4, 80)
    other = Dedups(tmp_path / "other")
    other.write("2023", [new_document("theirs.org", f"{one}\n\n{own}")], parts=1)
    held_out = tmp_path / "set.txt"
    held_out.write_text(f"a short one of five words\n{two}\n")
    dedups.write("all", [new_document("a.org", f"{mine}\n\n{one}\n\n{two}")], parts=1)
    against = (str(tmp_path / "other"), str(held_out))

    other.run("2023")
    with pytest.raises(WebtextError, match="2023 of .* without passages, not with .*words = 20"):
        DedupStage().transform(dedups.job("all", against=against, passages=ON))
    other.run("2023", passages=ON)
    dedups.run("all", against=against, passages=ON)
    (first, second) = dedups.passages("all")
    assert (first["kept_id"], second["kept_id"]) == (None, None)
    names = [first["elsewhere"], second["elsewhere"]]
    assert names == [f"{against[0]} {new_document('theirs.org', '')['id']}", "set.txt#2"]
    text = f"{mine}\n\n{one}\n\n{two}"
    assert text[: first["start"]].strip() == mine
    assert (first["stop"], second["stop"]) == (second["start"], len(text))


def test_a_copy_of_a_page_that_goes_whole_goes_for_the_same_page(
    dedups: Dedups, prose: Prose, new_document: New
) -> None:
    article, *around = prose(3, 200)
    near = article.replace(article.split()[3], "other")
    rows = [
        new_document("whole.org", "\n\n".join([around[0], article, around[1]]), karma=9),
        new_document("article.org", article, karma=8),
        new_document("copy.org", article, karma=7),
        new_document("near.org", near, karma=6),
    ]
    for months in ([rows], [rows[:2], rows[2:]], [[row] for row in rows]):
        names = [f"2024-{month:02d}" for month in range(1, len(months) + 1)]
        corpus = Dedups(Path(dedups.corpus.root) / str(len(months)))
        for name, these in zip(names, months, strict=True):
            corpus.write(name, these, parts=1)
            corpus.run(name, passages=ON)
        removed, passages = tables(corpus, names)
        assert passages == []
        assert {row["id"] for row in removed} == {row["id"] for row in rows[1:]}
        assert {(row["kind"], row["kept_id"]) for row in removed} == {("passages", rows[0]["id"])}
