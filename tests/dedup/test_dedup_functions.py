"""The pure functions of dedup, as tables and properties."""

from __future__ import annotations

import random

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.bands import band_keys, bucket_pairs, collision_probability
from pipeline.dedup.components import UnionFind, slices_of
from pipeline.dedup.minhash import shingles_of, signature_of, word_hashes
from pipeline.dedup.representatives import removals
from pipeline.dedup.settings import DedupSettings
from pipeline.dedup.verify import jaccard, least_matches, may_be_similar
from pipeline.store.errors import SettingError


@pytest.mark.parametrize(("count", "shingles"), [(0, 0), (1, 1), (4, 1), (5, 1), (6, 2), (50, 46)])
def test_shingles_of_short_and_long(count: int, shingles: int) -> None:
    assert len(shingles_of(b" ".join(b"w%c" % (97 + i) for i in range(count)))) == shingles


def test_shingles_are_sets_in_which_order_of_words_counts() -> None:
    assert len(shingles_of(b"a " * 100)) == 1
    assert shingles_of(b"a b") != shingles_of(b"b a")
    assert shingles_of(b"a") != shingles_of(b"a a")


@given(st.lists(st.text("ab01é ", max_size=8).map(str.encode), max_size=30))
def test_words_are_hashed_alike_wherever_they_stand(words: list[bytes]) -> None:
    alone = [word_hashes(word).tolist() for piece in words for word in piece.split()]
    together = word_hashes(b" ".join(words))
    assert together.tolist() == [one for (one,) in alone]
    different = {word for piece in words for word in piece.split()}
    assert len(set(together.tolist())) == len(different)


def test_long_texts_and_long_words_are_hashed_in_blocks() -> None:
    words = [b"w%d" % (i % 1000 + 10**6) + b"abcdefgh"[: i % 9] for i in range(50_000)]
    hashes = word_hashes(b" ".join(words))
    assert hashes.tolist() == [int(word_hashes(word)[0]) for word in words]
    assert len(word_hashes(b"x" * 200_000)) == 4


@given(st.lists(st.integers(0, 2**64 - 1), max_size=40), st.sampled_from([1, 100, 126]))
@settings(deadline=None)
def test_signatures_are_those_of_datasketch(values: list[int], hashes: int) -> None:
    shingles = np.unique(np.array(values, np.uint64))
    theirs = MinHash(hashes, seed=1, scheme="affine32", hashfunc=int)
    theirs.update_batch([value & 0xFFFFFFFF for value in shingles.tolist()])
    assert np.array_equal(signature_of(shingles, hashes), theirs.hashvalues)


@pytest.mark.parametrize(
    ("similarity", "bands", "rows", "probability"),
    [(0.5, 20, 5, 0.470), (0.8, 20, 5, 0.9996), (0.7, 21, 6, 0.928), (0.8, 14, 8, 0.924)],
)
def test_collision_probability(
    similarity: float, bands: int, rows: int, probability: float
) -> None:
    assert collision_probability(similarity, bands, rows) == pytest.approx(probability, abs=6e-4)


@given(st.lists(st.integers(0, 5), max_size=40), st.integers(1, 50))
def test_bucket_pairs_are_all_pairs_with_the_leaders(keys: list[int], leaders: int) -> None:
    numbers = np.array(random.Random(1).sample(range(100), len(keys)), np.int64)
    later, earlier = bucket_pairs(np.array(keys, np.uint64), numbers, leaders)
    expected = set()
    for key in set(keys):
        bucket = sorted(n for n, k in zip(numbers.tolist(), keys, strict=True) if k == key)
        expected |= {(b, a) for i, b in enumerate(bucket) for a in bucket[: min(i, leaders)]}
    found = list(zip(later.tolist(), earlier.tolist(), strict=True))
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_band_keys_differ_where_bands_do() -> None:
    rng = np.random.default_rng(0)
    band = rng.integers(0, 4, (5000, 5), np.uint32)
    assert len(set(band_keys(band).tolist())) == len(np.unique(band, axis=0))


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=60))
def test_components(pairs: list[tuple[int, int]]) -> None:
    forest = UnionFind(30)
    for start in range(0, len(pairs), 7):
        left, right = np.array(pairs[start : start + 7], np.int64).reshape(-1, 2).T
        forest.join(left, right)
    label = list(range(30))
    for _ in range(30):
        for a, b in pairs:
            label[a] = label[b] = min(label[a], label[b])
    assert forest.labels(np.arange(30)).tolist() == label


def test_slices_keep_components_whole() -> None:
    labels = np.array([0, 0, 2, 2, 4, 5])
    assert slices_of(labels, np.array([3, 3, 4, 5, 1, 1]), 10).tolist() == [0, 0, 1, 1, 1, 2]
    assert slices_of(labels, np.array([30, 3, 4, 5, 1, 1]), 10).tolist() == [0, 0, 1, 1, 1, 2]
    assert slices_of(labels[:0], labels[:0], 10).tolist() == []


def test_representatives_make_no_chains() -> None:
    similar = {(1, 0): 0.9, (2, 1): 0.9, (2, 0): 0.7, (3, 0): 0.85, (3, 2): 0.95, (4, 3): 0.9}
    asked = []

    def similarity(later: int, earlier: int) -> float:
        asked.append((later, earlier))
        return similar[later, earlier]

    found = [tuple(removal) for removal in removals(sorted(similar), similarity, 0.8)]
    assert found == [(1, 0, 0.9), (3, 2, 0.95)]
    assert set(asked) == {(1, 0), (2, 0), (3, 0), (3, 2)}


@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
def test_jaccard(one: set[int], other: set[int]) -> None:
    true = len(one & other) / len(one | other) if one and other else 0.0
    a, b = (np.array(sorted(s), np.uint64) for s in (one, other))
    assert jaccard(a, b) == jaccard(b, a) == true


def test_what_is_ruled_out_without_text() -> None:
    assert least_matches(0.8, 100) == 59
    assert least_matches(1.0, 100) == 100
    assert least_matches(0.5, 4) == 0
    matches, sizes = np.array([59, 58, 99]), (np.array([80, 80, 100]), np.array([100, 100, 79]))
    assert may_be_similar(matches, sizes, 0.8, 100).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"bands": 14, "rows": 8}, "find only 92%"),
        ({"threshold": 0.5}, "find only 47%"),
        ({"threshold": 1.2}, "threshold"),
        ({"keep": ["karma", "karma"]}, "names one preference twice"),
        ({"keep": ["score"]}, "karma"),
        ({"folds": ["case"]}, "Did you mean fold"),
        ({"fold": ["blanks"]}, "fold"),
    ],
)
def test_wrong_settings_are_explained(values: dict[str, object], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        DedupSettings.checked(values, "recipe.toml")
