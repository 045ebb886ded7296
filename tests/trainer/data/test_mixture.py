from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_corpora import numbered_corpus
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from pipeline.store.errors import SettingError
from trainer.data.mixture import LONGEST, Mixture
from trainer.data.shard_set import find_shards
from trainer.data.stream import Stream
from trainer.settings.data import DataSettings

WEIGHTS = st.lists(st.integers(1, 90), min_size=1, max_size=6)


@settings(deadline=None)
@given(weights=WEIGHTS)
def test_shares_are_exact_over_any_prefix(weights: list[int]) -> None:
    mixture = Mixture(weights)
    count = 2 * mixture.period + 3
    corpora, _ = mixture.locate(np.arange(count))
    taken = np.cumsum(corpora[:, None] == np.arange(len(weights)), axis=0)
    ideal = np.arange(1, count + 1)[:, None] * np.array(weights) / sum(weights)
    bound = 1 - 1 / max(2 * len(weights) - 2, 2)
    assert np.abs(taken - ideal).max() <= bound + 1e-9
    for n in (1, mixture.period - 1, mixture.period, count):
        assert mixture.counts(n) == (taken[n - 1].tolist() if n else [0] * len(weights))


@settings(deadline=None)
@given(weights=WEIGHTS)
def test_each_corpus_is_numbered_without_a_gap(weights: list[int]) -> None:
    mixture = Mixture(weights)
    corpora, numbers = mixture.locate(np.arange(3 * mixture.period))
    for corpus in range(len(weights)):
        mine = numbers[corpora == corpus]
        assert mine.tolist() == list(range(len(mine)))


def test_weights_are_taken_as_written() -> None:
    assert Mixture([0.1, 0.2, 0.7]).period == 10
    assert Mixture([7, 3]).shares.tolist() == Mixture([0.7, 0.3]).shares.tolist() == [7, 3]


@pytest.mark.parametrize("weights", [[], [1, 0], [1, -2], [float("nan")], [float("inf")]])
def test_weights_must_be_positive(weights: list[float]) -> None:
    with pytest.raises(SettingError, match=r"data\.weights"):
        Mixture(weights)


def test_too_fine_weights_are_refused() -> None:
    with pytest.raises(SettingError, match=f"Round them .* within {LONGEST:,}"):
        Mixture([1 / 3, 0.5])


def test_a_mixed_stream_keeps_shares_and_epochs(tmp_path: Path) -> None:
    one = numbered_corpus(tmp_path / "one", [400], first=0)
    two = numbered_corpus(tmp_path / "two", [160], first=10_000)
    chosen = DataSettings(weights=(3, 1), block=16, window=2)
    stream = Stream(find_shards(f"{one},{two}"), "train", 8, 5, settings=chosen)
    rows = stream.batch(0, 160)
    second = rows[:, 0] >= 10_000
    prefix = np.cumsum(second)
    assert np.abs(prefix - np.arange(1, 161) / 4).max() < 1
    # 40 samples of the second corpus: its 19 twice, and two more.
    firsts = rows[second][:, 0]
    assert len(set(firsts[:19])) == len(set(firsts[19:38])) == 19
    assert (stream.batch(37, 50) == rows[37:87]).all()
    assert {span.shard.split("/tokens")[0] for i in range(8) for span in stream.spans(i)} == {
        str(tmp_path / "one"),
        str(tmp_path / "two"),
    }


def words(text: str, indent: int | None = None) -> str:
    """A tokenizer of these words; `indent` writes the same in another way."""
    model = WordLevel({word: n for n, word in enumerate(text.split())}, unk_token=text[0])
    return json.dumps(json.loads(Tokenizer(model).to_str()), indent=indent)


def test_weights_and_corpora_must_fit(tmp_path: Path) -> None:
    one = numbered_corpus(tmp_path / "one", [400])
    two = numbered_corpus(tmp_path / "two", [160])
    shards = find_shards(f"{one},{two}")
    with pytest.raises(SettingError, match="0 shares for 2 corpora"):
        Stream(shards, "train", 8)
    told, renamed, other = (
        numbered_corpus(tmp_path / str(number), [160], tokenizer=text)
        for number, text in enumerate((words("a b"), words("a b", indent=1), words("a c")))
    )
    assert len(find_shards(f"{told},{renamed}").corpora) == 2
    with pytest.raises(SettingError, match="different tokenizers"):
        find_shards(f"{told},{other}")


def test_validation_takes_all_corpora_as_they_lie(tmp_path: Path) -> None:
    one = numbered_corpus(tmp_path / "one", [400], split="validation")
    two = numbered_corpus(tmp_path / "two", [160], first=10_000, split="validation")
    stream = Stream(find_shards(f"{one},{two}"), "validation", 8, shuffled=False)
    assert stream.samples == (560 - 1) // 8
    assert stream.batch(0, 1)[0].tolist() == list(range(9))
    assert stream.batch(50, 1)[0].tolist() == list(range(10_000, 10_009))
