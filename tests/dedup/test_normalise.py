"""What counts as the same text: exactly, and nearly by what `dedup.fold` names."""

from __future__ import annotations

import math
import random
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dedup import normalise
from pipeline.dedup.exact import exact_hash
from pipeline.dedup.minhash import shingles_of, signature_of
from pipeline.dedup.normalise import Folds, normalised
from pipeline.dedup.settings import DedupSettings
from pipeline.dedup.verify import jaccard
from pipeline.store.unspaced import count_unspaced, is_unspaced

FOLD = DedupSettings().folds
ALL: Folds = frozenset({"case", "accents", "punctuation", "digits"})
NONE: Folds = frozenset()


def words(text: str, fold: Folds = FOLD) -> str:
    return b" ".join(normalised(text, fold).split()).decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("  \n\t ", ""),
        ("Hello, WORLD!", "hello world"),
        ("don't — DON’T", "don t don t"),
        ("snake_case a.b/c", "snake case a b c"),
        ("a+b a-b x=y <p> $5 5€", "a + b a b x = y < p > $ 5 5 €"),
        ("Café CAFE\u0301 ﬁne Straße", "cafe cafe fine strasse"),
        ("Ελλάς ΕΛΛΑΣ", "ελλασ ελλασ"),
        ("1,234.50 ١٢ １２", "1 234 50 12 12"),
        ("soft\u00adhyphen zero\u200bwidth no\u00a0break", "softhyphen zerowidth no break"),
        ("日本語 text", "日 本 語 text"),
        ("हिन्दी में", "हिन्दी में"),
        ("a😀b ❤\ufe0f👩\u200d🚀", "a 😀 b ❤ 👩 🚀"),
        ("lone \ud800 surrogate", "lone surrogate"),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("fold", "expected"),
    [
        (set(), "Caf\u0065\u0301 , No . 12 — x - y"),
        ({"case"}, "cafe\u0301 , no . 12 — x - y"),
        ({"accents"}, "Cafe , No . 12 — x - y"),
        ({"punctuation"}, "Cafe\u0301 No 12 x y"),
        ({"digits"}, "Cafe\u0301 , No . 0 — x - y"),
        (ALL, "cafe no 0 x y"),
    ],
)
def test_only_what_is_named_is_folded(fold: set[str], expected: str) -> None:
    assert words("Café, No. 12 — x-y", frozenset(fold)) == expected  # type: ignore[arg-type]


@given(st.text(), st.sampled_from([FOLD, ALL, NONE]))
def test_normalising_words_again_changes_nothing(text: str, fold: Folds) -> None:
    once = words(text, fold)
    assert words(once, fold) == once


@given(st.text(alphabet="é漢😀’ a\u0301", min_size=0, max_size=100))
def test_long_runs_are_folded_as_short_ones(text: str) -> None:
    alone = [words(character) for character in unicodedata.normalize("NFKD", text)]
    assert words(text).replace(" ", "") == "".join(alone)


def test_what_is_kept_of_folded_runs_is_bounded() -> None:
    """Runs of Chinese are as long as texts and never come again."""
    before = normalise._fold_short.cache_info().currsize
    for start in range(0x4E00, 0x4E00 + 500):
        text = "".join(map(chr, range(start, start + 200)))
        assert count_unspaced(text) == len(words(text).split()) == 200
    assert normalise._fold_short.cache_info().currsize == before
    assert not is_unspaced("a") and is_unspaced("ท") and count_unspaced("한국어 é") == 0


def _pi(count: int) -> str:
    """By Machin's formula."""
    unit = 10 ** (count + 10)

    def arctangent(inverse: int) -> int:
        term = total = unit // inverse
        n, sign = 3, -1
        while term:
            term //= inverse * inverse
            total += sign * (term // n)
            n, sign = n + 2, -sign
        return total

    return str((4 * (4 * arctangent(5) - arctangent(239))) // 10**10)


def _e(count: int) -> str:
    unit = 10 ** (count + 10)
    term = total = unit
    for n in range(1, 2 * count):
        term //= n
        total += term
    return str(total // 10**10)


def _primes(count: int) -> str:
    found: list[int] = []
    number = 2
    while len(found) < count:
        if all(number % prime for prime in found if prime <= math.isqrt(number)):
            found.append(number)
        number += 1
    return ", ".join(map(str, found))


def _fibonacci(count: int) -> str:
    a, b = 0, 1
    found = []
    for _ in range(count):
        found.append(a)
        a, b = b, a + b
    return ", ".join(map(str, found))


def _grouped(digits: str) -> str:
    return " ".join(digits[i : i + 10] for i in range(0, len(digits), 10))


EMOJI = [chr(code) for code in range(0x1F600, 0x1F640)]
STRANGERS = {
    "numbers": (_primes(300), _fibonacci(300)),
    "constants": (_grouped(_pi(1000)), _grouped(_e(1000))),
    "one long number": (_pi(1000), _e(1000)),
    "sums": ("a+b", "a-b"),
    "code": (
        "\n".join(f"x{i} = a{i} + b{i};" for i in range(50)),
        "\n".join(f"x{i} = a{i} * b{i};" for i in range(50)),
    ),
    "emoji": tuple("".join(random.Random(seed).choices(EMOJI, k=60)) for seed in (1, 2)),
    "marks": ("… — !", "? ; :"),
}


@pytest.mark.parametrize("kind", STRANGERS)
def test_strangers_are_no_copies(kind: str) -> None:
    one, other = STRANGERS[kind]
    assert exact_hash(one) != exact_hash(other)
    sets = [shingles_of(normalised(text, FOLD)) for text in (one, other)]
    assert jaccard(*sets) < 0.1


@pytest.mark.parametrize("kind", ["numbers", "constants"])
def test_folded_digits_make_lists_of_numbers_one(kind: str) -> None:
    sets = [shingles_of(normalised(text, ALL)) for text in STRANGERS[kind]]
    assert jaccard(*sets) == 1.0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("A text.", "  A\n\u00a0text.\r\n", True),
        ("caf\u00e9", "cafe\u0301", True),
        ("A text.", "a text.", False),
        ("A text.", "A text", False),
        ("café", "cafe", False),
        ("page 12", "page 13", False),
        ("ﬁne", "fine", False),
        ("zero\u200bwidth", "zerowidth", False),
        ("\ud800", "\ud801", False),
    ],
)
def test_exact_means_exact(one: str, other: str, same: bool) -> None:
    assert (exact_hash(one) == exact_hash(other)) is same


def test_signatures_stay_the_same_for_ever() -> None:
    text = "The quick brown fox jumps over the lazy dog, 12 times + more."
    assert exact_hash(text).hex() == "d730255bcd37ab7e1bf01743f181b4a0"
    shingles = shingles_of(normalised(text, FOLD))
    assert signature_of(shingles, 4).tolist() == [43048822, 405462972, 385164080, 55301977]
    assert np.array_equal(shingles, np.unique(shingles))
