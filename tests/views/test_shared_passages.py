"""Passages that both splits have: found as by comparing each run of words, and listed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from small_tokens import tokenize
from support import Run

from pipeline.store.addresses import page_id
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError
from pipeline.store.takedown import parse_takedown
from pipeline.tokens.draws import split_chance
from pipeline.views.shared_passages import (
    Text,
    chosen_tokens,
    find_shared,
    shared_passages,
    slices,
)

WORDS = 10


def made(rng: random.Random, letter: str) -> list[Text]:
    """Texts of two sentences of five and seven words, so that runs of ten are shared at times."""
    pieces = [f"a{n} b c d{n % 2} e" for n in range(4)] + [f"f g{n} h i j k l" for n in range(3)]
    return [(f"{letter}{n}", "  ".join(rng.choices(pieces, k=9))) for n in range(20)]


def covered(one: str, other: str) -> int:
    """Words of `one` that are in a run of `WORDS` words that `other` has as well."""
    own, others = one.split(), other.split()
    runs = {tuple(others[n : n + WORDS]) for n in range(len(others) - WORDS + 1)}
    hit = [n for n in range(len(own) - WORDS + 1) if tuple(own[n : n + WORDS]) in runs]
    return len({word for n in hit for word in range(n, n + WORDS)})


@pytest.mark.parametrize("size", [1, 10_000])
def test_all_that_is_shared_is_found_as_by_comparing_each_run(size: int) -> None:
    rng = random.Random(size)
    ours, others = made(rng, "v"), made(rng, "t")
    found = {
        (shared.validation, shared.train): shared.words
        for piece in slices(ours, size)
        for shared in find_shared(piece, others, WORDS)
    }
    each = {(v, t): covered(a, b) for v, a in ours for t, b in others}
    assert found == {pair: words for pair, words in each.items() if words}
    assert 0 < len(found) < len(each)


def test_the_command_lists_them_for_a_takedown(tmp_path: Path, webtext: Run) -> None:
    """A page of six is for validation, and another one quotes 60 words of it."""
    texts = {f"https://example.org/{n}": f"{n}. " + " ".join(f"w{n}x{i}" for i in range(200))
             for n in range(6)}  # fmt: skip
    ids = {page_id(url.removeprefix("https://")): url for url in texts}
    validation = min(ids, key=split_chance)
    train = next(page for page in ids if page != validation)
    texts[ids[train]] += " " + " ".join(texts[ids[validation]].split()[30:90])
    tokenize(tmp_path / "corpus", texts)
    listed = tmp_path / "shared.txt"
    done = webtext("leaks", str(tmp_path / "corpus"), "--out", str(listed))
    assert done.returncode == 0, done.stdout
    assert f"{validation} shares 60 words with {train}" in done.stdout
    assert "1 of 1 validation documents share 50 words or more" in done.stdout
    assert parse_takedown(listed.read_text(), "").entries() == {validation}
    corpus = Corpus(str(tmp_path / "corpus"))
    assert shared_passages(corpus, chosen_tokens(corpus, None), 61) == ([], 1)
    with pytest.raises(SettingError, match="has the shards gpt2, not albert"):
        chosen_tokens(corpus, "albert")
