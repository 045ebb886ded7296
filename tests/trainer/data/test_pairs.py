"""Pairs of segments: what BERT, ALBERT and ELECTRA each make of a piece of a document."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.data.header import HEADER
from trainer.data.pairs import PairStream
from trainer.data.shard_set import find_shards
from trainer.data.vocabulary import Vocabulary
from trainer.settings.recipe import RunRecipe

CONTEXT = 96


def recipe(objective: str, **pairs: Any) -> RunRecipe:
    values = {
        "objective": objective,
        "model": {"kind": "encoder", "context": CONTEXT},
        "pairs": pairs,
    }
    return RunRecipe.checked(values, "test")


@pytest.fixture(scope="module")
def marks(encoder_tokens: Path) -> tuple[int, int]:
    vocabulary = Vocabulary.read(find_shards(str(encoder_tokens)).tokenizer)
    return vocabulary.cls, vocabulary.sep


def stream(tokens: Path, marks: tuple[int, int], objective: str, **pairs: Any) -> PairStream:
    return PairStream(find_shards(str(tokens)), "train", recipe(objective, **pairs), marks)


def segments(row: np.ndarray, marks: tuple[int, int]) -> tuple[list[int], list[int]]:
    """The two segments without special tokens, after a look at the layout."""
    said = [int(n) for n in row[HEADER:] if n >= 0]
    assert said[0] == marks[0] and said[-1] == marks[1]
    first = said[1 : row[2] - 1]
    assert said[row[2] - 1] == marks[1]
    return first, said[row[2] : -1]


@pytest.mark.parametrize("objective", ["bert", "albert", "electra"])
def test_rows_do_not_depend_on_the_batch(
    encoder_tokens: Path, marks: tuple[int, int], objective: str
) -> None:
    made = stream(encoder_tokens, marks, objective)
    whole = made.batch(40, 60)
    assert whole.shape == (60, HEADER + CONTEXT)
    assert np.array_equal(made.batch(70, 3), whole[30:33])
    assert whole[:, 0].tolist() == list(range(40, 100))
    for row in whole:
        segments(row, marks)
    far = made.batch(made.samples + 5, 1)[0]  # another epoch
    assert far[0] == made.samples + 5
    made.close()


def test_albert_swaps_half_of_consecutive_segments(
    encoder_tokens: Path, marks: tuple[int, int]
) -> None:
    made = stream(encoder_tokens, marks, "albert")
    labels: Counter[int] = Counter()
    for row, piece in zip(made.batch(0, 600), made._pieces.take(0, 600), strict=True):
        first, second = segments(row, marks)
        labels[int(row[3])] += 1
        whole = first + second if row[3] < 1 else second + first
        assert whole == piece.tokens.tolist()
        if len(piece.ends) > 1 and row[3] >= 0:
            cut = len(first) if row[3] == 0 else len(second)
            assert cut in piece.ends.tolist()
    asked = labels[0] + labels[1]
    assert asked > 200
    assert abs(labels[1] - asked / 2) < 5 * (asked / 4) ** 0.5


def test_a_single_sentence_is_treated_as_the_mode_says(
    encoder_tokens: Path, marks: tuple[int, int]
) -> None:
    paper = stream(encoder_tokens, marks, "albert")
    release = stream(encoder_tokens, marks, "albert", mode="release")
    pieces = paper._pieces.take(0, 600)
    single = [p for p in pieces if len(p.ends) == 1 and len(p.tokens) > 1]
    assert len(single) > 20
    for piece in single:
        first, second, label = paper.pair(piece)
        assert (first.tolist(), len(second), label) == (piece.tokens.tolist(), 0, -1)
        said = release.pair(piece)
        assert said.label == 1
        assert not set(said.second.tolist()) <= set(piece.tokens.tolist()) or len(said.second) < 4
        assert len(said.first) + len(said.second) <= CONTEXT - 3


def test_bert_takes_half_of_the_second_segments_from_elsewhere(
    encoder_tokens: Path, marks: tuple[int, int]
) -> None:
    made = stream(encoder_tokens, marks, "bert")
    following = random = 0
    for piece in made._pieces.take(0, 600):
        if len(piece.ends) < 2:
            continue
        first, second, label = made.pair(piece)
        if label == 0:
            following += 1
            assert [*first, *second] == piece.tokens.tolist()
        else:
            random += 1
            assert len(first) + len(second) <= CONTEXT - 3
    asked = following + random
    assert abs(random - asked / 2) < 5 * (asked / 4) ** 0.5


def test_electra_leaves_a_tenth_in_one_segment(
    encoder_tokens: Path, marks: tuple[int, int]
) -> None:
    """Of samples that are full: half of their room holds no more than the first sentences."""
    made = stream(encoder_tokens, marks, "electra")
    always, never = (stream(encoder_tokens, marks, "electra", single=n) for n in (1.0, 0.0))
    full = [
        piece
        for piece in made._pieces.take(0, 2500)
        if len(piece.tokens) > 0.8 * CONTEXT and np.diff(piece.ends, prepend=0).max() < CONTEXT // 4
    ]
    assert len(full) > 300
    for piece in full:
        assert not len(always.pair(piece).second)
        first, second, label = never.pair(piece)
        assert len(second) and label == -1
        assert [*first, *second] == piece.tokens.tolist()
    single = sum(not len(made.pair(piece).second) for piece in full)
    share = 0.1 * len(full)
    assert abs(single - share) < 5 * (0.9 * share) ** 0.5
