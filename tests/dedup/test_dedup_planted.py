"""Real text with planted duplicates of known similarity: what is found, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH
from dedup.intervals import shingles

from pipeline.dedup.verify import jaccard


def replace(words: list[str], share: float, rng: random.Random) -> list[str]:
    """Other words in `share` of all places."""
    return [f"w{rng.randrange(10**6)}" if rng.random() < share else word for word in words]


def replace_run(words: list[str], share: float, rng: random.Random) -> list[str]:
    """One run of `share` of the words cut, another inserted elsewhere."""
    length = int(len(words) * share / 2)
    start = rng.randrange(len(words) - length)
    words = words[:start] + words[start + length :]
    place = rng.randrange(len(words))
    return words[:place] + [f"n{rng.randrange(10**6)}" for _ in range(length)] + words[place:]


def reorder(words: list[str], share: float, rng: random.Random) -> list[str]:
    """Paragraphs of some 1/share/20 words in another order."""
    size = max(10, int(1 / share) * 5)
    paragraphs = [words[i : i + size] for i in range(0, len(words), size)]
    rng.shuffle(paragraphs)
    return [word for paragraph in paragraphs for word in paragraph]


def test_planted_duplicates_are_found_and_no_others(
    dedups: Any, passages: list[str], new_document: Callable[..., dict[str, Any]]
) -> None:
    rng = random.Random(11)
    rows, planted = [], []
    for i, passage in enumerate(passages):
        rows.append(new_document(f"a.org/{i}", passage, karma=9))
        edit = rng.choice([replace, replace_run, reorder])
        share = 0.01 * 30 ** rng.random()  # 1 to 30 %, as many below 5.5 % as above
        words = edit(passage.split(), share, rng)
        copy = new_document(f"b.org/{i}", " ".join(words), karma=3)
        rows.append(copy)
        sets = [shingles(text) for text in (passage, copy["text"])]
        planted.append((copy["id"], rows[-2]["id"], jaccard(sets[0], sets[1])))
    dedups.write("all", rows, parts=3)
    dedups.run("all")
    removed = dedups.removed("all")
    similar = [plant for plant in planted if plant[2] >= 0.85]
    assert len(similar) > 120
    assert sum(copy in removed for copy, _, _ in similar) >= 0.98 * len(similar)
    assert sum(plant[2] < 0.8 for plant in planted) > 80
    texts = {row["id"]: row["text"] for row in rows}
    for row in removed.values():  # precision 1 at the threshold
        one, other = (shingles(texts[row[name]]) for name in ("id", "kept_id"))
        assert jaccard(one, other) == row["similarity"] >= 0.8


def test_a_template_site_costs_linear_work(
    dedups: Any, prose: Any, new_document: Callable[..., dict[str, Any]]
) -> None:
    template = prose(1, 150)[0]
    rows = [
        new_document(f"shop.org/{i}", f"{template} item {'x' * (i % 97)}{i:x}")
        for i in range(10_000)
    ]
    dedups.write("all", rows)
    manifest = dedups.run("all")
    # All pairs would be 50 million.
    assert 9_999 <= manifest.extra["candidates"] <= 16 * 20 * 10_000
    assert manifest.counts.kept + sum(manifest.counts.dropped.values()) == 10_000
    assert manifest.counts.kept <= 5


@pytest.mark.parametrize("threshold", [0.75, 0.8])
def test_pairs_and_removals_are_those_of_datasketch(
    threshold: float,
    passages: list[str],
    dedups: Any,
    new_document: Callable[..., dict[str, Any]],
) -> None:
    from pipeline.dedup.bands import band_keys, bucket_pairs
    from pipeline.dedup.minhash import signature_of

    rng = random.Random(2)
    texts = [
        " ".join(replace(passage.split()[:200], rng.uniform(0, 0.05), rng))
        for passage in passages[:300]
        for _ in range(5)
    ]
    sets = [shingles(text) for text in texts]
    signatures = np.array([signature_of(s, 100) for s in sets])
    numbers = np.arange(len(texts))
    ours = set()
    for band in range(20):
        keys = band_keys(signatures[:, 5 * band : 5 * band + 5])
        later, earlier = bucket_pairs(keys, numbers, leaders=64)
        ours |= set(zip(later.tolist(), earlier.tolist(), strict=True))
    index = MinHashLSH(num_perm=100, params=(20, 5))
    theirs = set()
    for number, signature in enumerate(signatures):
        minhash = MinHash(hashvalues=signature, scheme="affine32")
        theirs |= {(number, other) for other in index.query(minhash)}
        index.insert(number, minhash)
    similar = {pair for pair in ours if jaccard(sets[pair[0]], sets[pair[1]]) >= threshold}
    assert len(similar) > 300
    assert ours == theirs

    # The whole stage against the definition, worked out over datasketch's pairs.
    rows = [new_document(f"a.org/{i}", text) for i, text in enumerate(texts)]
    dedups.write("all", rows)
    dedups.run("all", threshold=threshold, keep=(), leaders=64)
    neighbours: dict[str, set[str]] = {}
    for pair in theirs:
        if jaccard(sets[pair[0]], sets[pair[1]]) >= threshold:
            one, other = sorted(rows[number]["id"] for number in pair)
            neighbours.setdefault(other, set()).add(one)
    kept: set[str] = set()
    for key in sorted(row["id"] for row in rows):
        if not neighbours.get(key, set()) & kept:
            kept.add(key)
    assert set(dedups.removed("all")) == {row["id"] for row in rows} - kept


def test_verified_by_signature_it_errs_no_more_than_it_says(
    dedups: Any, passages: list[str], new_document: Callable[..., dict[str, Any]]
) -> None:
    rng = random.Random(12)
    rows = [new_document(f"a.org/{i}", p, karma=9) for i, p in enumerate(passages)]
    truth = {}
    for i, passage in enumerate(passages):
        copy = " ".join(replace(passage.split(), rng.uniform(0.005, 0.06), rng))
        rows.append(new_document(f"b.org/{i}", copy, karma=3))
        sets = [shingles(text) for text in (passage, copy)]
        truth[rows[-1]["id"]] = jaccard(*sets)
    dedups.write("all", rows, parts=2)
    dedups.run("all", verify="signature")
    removed = dedups.removed("all")
    errors = [row["similarity"] - truth[key] for key, row in removed.items()]
    assert len(errors) > 100
    # Four standard errors of a share of 100 places at 0.8; docs/dedup.md states one, 0.04.
    assert max(map(abs, errors)) < 4 * 0.04
    sure = [key for key, similarity in truth.items() if similarity >= 0.8 + 4 * 0.04]
    assert len(sure) > 5 and all(key in removed for key in sure)
    assert not [key for key in removed if truth[key] < 0.8 - 4 * 0.04]
