"""Words, minimizers and cuts of passages, each against its definition."""

from __future__ import annotations

import random

import numpy as np
import pytest

from pipeline.dedup.passages.cut import Cut, Keepers, Passage, cut_page
from pipeline.dedup.passages.settings import PassageSettings
from pipeline.dedup.passages.spans import PageText, equal_words, is_same, passage_spans
from pipeline.dedup.passages.winnow import (
    least_of_runs,
    minimizers,
    run_hashes,
    shared_starts,
)
from pipeline.dedup.passages.words import CHARACTERS, hash_groups, hash_words
from pipeline.store.cuts import original_span, without
from pipeline.store.unspaced import words_and_characters

TEXTS = {
    "empty": "",
    "blank": " \n\t ",
    "one": "word",
    "English": "The cat, it said,  sat.\nOn  a mat.",
    "spaces of all kinds": "a\u00a0b\u2003c\u3000d\x1ce\x85f\u200bg",
    "Chinese": "\u6211\u4eec\u53bb\u56fe\u4e66\u9986\u3002 And 3\u4e2a more",
    "Thai": "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "beyond 16 bits": "\U0001f600 \U0001f600\U0001f601 \U00020000x",
    "half a character": "a \ud800 b",
    "long": "word " * (CHARACTERS // 3) + "end",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_words_are_those_of_the_text_and_equal_where_their_characters_are(text: str) -> None:
    words = hash_words(text)
    found = [text[a:b] for a, b in zip(words.starts, words.stops, strict=True)]
    assert found == words_and_characters(text)
    hashes = dict(zip(found, words.hashes.tolist(), strict=True))
    assert len(set(hashes.values())) == len(hashes)
    assert [hashes[word] for word in found] == words.hashes.tolist()


def test_a_word_that_is_longer_than_what_is_hashed_at_a_time_is_several() -> None:
    words = hash_words("a" * (CHARACTERS + 5) + " b")
    assert words.stops.tolist() == [CHARACTERS, CHARACTERS + 5, CHARACTERS + 7]


def test_texts_that_are_hashed_together_have_the_words_they_have_alone() -> None:
    texts = [*TEXTS.values(), "x" * CHARACTERS, "last one"] * 2
    seen = []
    for some, hashes, bounds in hash_groups(texts):
        for text, start, stop in zip(texts[some], bounds, bounds[1:], strict=False):
            assert hashes[start:stop].tolist() == hash_words(text).hashes.tolist()
            seen.append(text)
    assert seen == texts
    assert list(hash_groups([])) == []


@pytest.mark.parametrize("length", [1, 2, 7, 25, 50])
def test_runs_have_equal_hashes_where_their_words_are_equal(length: int) -> None:
    words = hash_words(" ".join(random.Random(1).choices("abc", k=300))).hashes
    hashes = run_hashes(words, length)
    runs = [tuple(words[i : i + length].tolist()) for i in range(len(words) - length + 1)]
    assert len(hashes) == len(runs)
    assert len(set(zip(runs, hashes.tolist(), strict=True))) == len(set(runs))
    assert len(set(hashes.tolist())) == len(set(runs))
    assert len(run_hashes(words[: length - 1], length)) == 0


@pytest.mark.parametrize("width", [1, 2, 3, 8, 26])
def test_the_least_of_each_run(width: int) -> None:
    values = np.random.default_rng(width).integers(0, 99, 200).astype(np.uint64)
    expected = [values[i : i + width].min() for i in range(len(values) - width + 1)]
    assert least_of_runs(values, width).tolist() == expected
    assert len(least_of_runs(values[: width - 1], width)) == 0


def planted(rng: random.Random, length: int) -> tuple[list[str], int, int]:
    """Two texts that share `length` words, each at a place of its own."""
    passage = [f"p{rng.random()}" for _ in range(length)]
    texts, places = [], []
    for name in "ab":
        before, after = rng.randrange(60), rng.randrange(60)
        own = [f"{name}{rng.randrange(9)}" for _ in range(before + after)]
        texts.append(" ".join([*own[:before], *passage, *own[before:]]))
        places.append(before)
    return texts, places[0], places[1]


@pytest.mark.parametrize("passage", [20, 33, 50])
def test_each_shared_passage_has_a_shared_minimizer_and_shorter_runs_are_no_passage(
    passage: int,
) -> None:
    rng = random.Random(passage)
    for _ in range(100):
        texts, place, _ = planted(rng, passage)
        ((_, hashes, bounds),) = hash_groups(texts)
        one, other = minimizers(hashes, bounds, passage)
        shared = np.intersect1d(one, other)
        assert len(shared)
        assert place in shared_starts(hash_words(texts[0]).hashes, shared, passage)


def test_minimizers_are_of_one_text_each_and_few() -> None:
    rng = random.Random(2)
    texts = [" ".join(str(rng.random()) for _ in range(n)) for n in (0, 49, 50, 400, 3, 4000)]
    ((_, hashes, bounds),) = hash_groups(texts)
    found = minimizers(hashes, bounds, 50)
    for text, own in zip(texts, found, strict=True):
        words = hash_words(text).hashes
        assert own.tolist() == minimizers(words, np.array([0, len(words)]), 50)[0].tolist()
    assert [len(own) for own in found[:3]] == [0, 0, 1]
    assert 4000 / 16 < len(found[5]) < 4000 / 11


def settings(**values: object) -> PassageSettings:
    return PassageSettings.model_validate({"words": 20, "least": 1, "most": 0.9} | values)


def decided(shared: list[Passage], words: int, places: list[int], **values: object) -> Cut:
    return cut_page(
        shared, lambda _: True, lambda: np.array(places), words, settings(bounds="word", **values)
    )


EACH = list(range(201))
#: What is shared, where the page may be cut, and the passages that go; the page has 200 words.
CUTS = {
    "nothing": ([], EACH, []),
    "as it is": ([(10, 40, 1, 5)], EACH, [(10, 40, 1, 5)]),
    "whole sentences of it": ([(10, 40, 1, 5)], [0, 15, 30, 60, 200], [(15, 30, 1, 10)]),
    "no whole sentence": ([(10, 40, 1, 5)], [0, 5, 50, 200], []),
    "from the start to the end": ([(0, 20, 1, 0), (180, 200, 2, 9)], [0, 200], []),
    "overlapping": (
        [(10, 40, 1, 5), (30, 60, 2, 0)], EACH, [(10, 40, 1, 5), (40, 60, 2, 10)],
    ),
    "a sentence of two passages": (
        [(10, 40, 1, 5), (40, 60, 2, 0)], [0, 35, 50, 200], [(35, 40, 1, 30), (40, 50, 2, 0)],
    ),
    "one within another": ([(10, 60, 1, 5), (20, 40, 2, 0)], EACH, [(10, 60, 1, 5)]),
}  # fmt: skip


@pytest.mark.parametrize(("shared", "places", "gone"), CUTS.values(), ids=CUTS)
def test_what_is_cut(
    shared: list[tuple[int, int, int, int]],
    places: list[int],
    gone: list[tuple[int, int, int, int]],
) -> None:
    found = decided([Passage(*row) for row in shared], 200, places)
    assert found.passages == [Passage(*row) for row in gone]
    assert found.contained_in == -1


def test_a_page_with_too_little_of_its_own_goes_whole_for_the_page_that_has_most() -> None:
    shared = [Passage(0, 50, 7, 0), Passage(40, 140, 3, 0), Passage(150, 190, 7, 0)]
    assert decided(shared, 200, EACH, most=0.9).passages
    found = decided(shared, 200, EACH, most=0.89)
    assert (found.passages, found.contained_in, found.share) == ([], 3, 0.9)  # 90 words each
    assert decided(shared, 200, EACH, least=20).contained_in == -1
    assert decided(shared, 200, EACH, least=21).contained_in == 3


def test_a_passage_whose_text_differs_is_left() -> None:
    shared = [Passage(0, 30, 1, 0), Passage(50, 80, 2, 0)]
    found = cut_page(
        shared, lambda passage: passage.kept == 2, lambda: np.array(EACH), 200, settings()
    )
    assert [passage.kept for passage in found.passages] == [2]


def test_the_first_page_with_a_run_keeps_it_and_only_what_is_left_to_it() -> None:
    keepers, starts = Keepers(100), np.arange(40)
    assert keepers.shared(starts, starts, 20) == []
    keepers.keep(5, starts, starts, Cut([], 0.0), 20)
    # Page 6 has runs 20 to 59; what of them page 5 has goes, with all runs that touch it.
    shared = keepers.shared(starts, starts + 20, 20)
    assert shared == [Passage(0, 39, 5, 20)]
    keepers.keep(6, starts, starts + 20, Cut(shared, 0.5), 20)
    assert keepers.shared(starts, starts + 20, 20) == [
        Passage(0, 39, 5, 20),
        Passage(39, 59, 6, 39),
    ]
    # A page that goes whole keeps nothing.
    keepers.keep(7, starts, starts + 60, Cut([], 1.0, 5), 20)
    assert keepers.shared(starts, starts + 60, 20) == []


def test_equal_runs_of_one_page_are_kept_at_the_first() -> None:
    keepers = Keepers(1)
    keepers.keep(3, np.array([4, 9]), np.array([0, 0]), Cut([], 0.0), 20)
    assert keepers.shared(np.array([0]), np.array([0]), 20) == [Passage(0, 20, 3, 4)]


BOUNDS = {
    ("word", "a b\nc"): [0, 1, 2, 3],
    ("line", "One two. Three\nfour\n\nFive"): [0, 3, 4, 5],
    ("sentence", "One two. Three is\nfour.\n\nFive Mr. Six\nSeven"): [0, 2, 5, 8, 9],
    ("sentence", "\u6211\u53bb\u3002\u4f60\u53bb\u3002"): [0, 3, 6],
    ("sentence", ""): [0],
}


@pytest.mark.parametrize(("case", "expected"), BOUNDS.items(), ids=str)
def test_where_a_text_may_be_cut(case: tuple[str, str], expected: list[int]) -> None:
    kind, text = case
    assert PageText(text).bounds(kind, "en").tolist() == expected  # type: ignore[arg-type]


#: A text, the words that go, and what is left.
LEFT = {
    "in a line": ("one two three four", (1, 3), "one four"),
    "at the start": (" one two three", (0, 2), "three"),
    "at the end": ("one two\nthree \n", (2, 3), "one two"),
    "all": (" one two ", (0, 2), ""),
    "a paragraph": ("one\n\ntwo three\n\nfour", (1, 3), "one\n\nfour"),
    "the end of a paragraph": ("one two\n\nthree", (1, 2), "one\n\nthree"),
    "the start of a paragraph": ("one\n\ntwo three", (1, 2), "one\n\nthree"),
    "a character of Chinese": ("\u6211\u4eec\u53bb", (1, 2), "\u6211\u53bb"),
}


@pytest.mark.parametrize(("text", "gone", "left"), LEFT.values(), ids=LEFT)
def test_what_is_left(text: str, gone: tuple[int, int], left: str) -> None:
    page = PageText(text)
    assert without(text, [page.cut(*gone)]) == left
    middle = sum(gone) // 2
    passages = [Passage(gone[0], middle, 1, 0), Passage(middle, gone[1], 2, 0)]
    parts = passage_spans(page, [one for one in passages if one.start < one.stop])
    assert without(text, parts) == left
    assert [
        equal_words(text[a:b], page.between(p.start, p.stop))
        for (a, b), p in zip(parts, [one for one in passages if one.start < one.stop], strict=True)
    ] == [True] * len(parts)


def test_equal_is_by_characters_white_space_aside() -> None:
    assert equal_words("one  two\u00a0\u6211 \u4eec", "one\ntwo \u6211\u4eec")
    assert not equal_words("one two", "one Two")
    assert not equal_words("onetwo", "one two")
    page, other = PageText("a b c d"), PageText("x b\nc y")
    assert is_same(page, other, Passage(1, 3, 0, 1))
    assert not is_same(page, other, Passage(1, 4, 0, 1))
    assert not is_same(page, other, Passage(0, 3, 0, 2))  # beyond the end of the other


def test_spans_of_a_text_without_some_are_found_in_the_text() -> None:
    text = "".join(chr(ord("a") + i) for i in range(26))
    cuts = [(0, 2), (5, 9), (20, 26)]
    short = without(text, cuts)
    for start in range(len(short)):
        for stop in range(start + 1, len(short) + 1):
            first, last = original_span((start, stop), cuts)
            assert text[first] == short[start]
            assert text[last - 1] == short[stop - 1]
            inner = [(a - first, b - first) for a, b in cuts if first <= a and b <= last]
            assert without(text[first:last], inner) == short[start:stop]
