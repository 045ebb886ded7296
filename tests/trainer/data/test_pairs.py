"""Pairs of segments: what BERT, ALBERT and ELECTRA each make of a piece of a document."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from token_corpora import sentence_corpus, wordpiece

from pipeline.tokens.megatron import IndexedDataset
from trainer.data.encoder import EncoderSample
from trainer.data.header import HEADER
from trainer.data.pairs import PairStream
from trainer.data.segments import NOT_ASKED, Pair
from trainer.data.shard_set import find_shards
from trainer.data.vocabulary import Vocabulary
from trainer.objectives import open_stream
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


def stream(tokens: Path, objective: str, **pairs: Any) -> PairStream:
    made = open_stream(recipe(objective, **pairs), find_shards(str(tokens)), "train")
    assert isinstance(made, PairStream)
    return made


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
    made = stream(encoder_tokens, objective)
    whole = made.batch(40, 60)
    assert whole.shape == (60, HEADER + CONTEXT)
    assert np.array_equal(made.batch(70, 3), whole[30:33])
    assert whole[:, 0].tolist() == list(range(40, 100))
    for row in whole:
        segments(row, marks)
    far = made.batch(made.samples + 5, 1)[0]  # another epoch
    assert far[0] == made.samples + 5
    made.close()


def taken(made: PairStream, count: int) -> list[tuple[EncoderSample, Pair]]:
    return [(piece, made.pair(piece)) for piece in made._pieces.take(0, count)]


def half_of(count: int, asked: int) -> bool:
    """Whether a coin may have fallen so."""
    return abs(count - asked / 2) < 5 * (asked / 4) ** 0.5


def test_albert_swaps_half_of_consecutive_segments(encoder_tokens: Path) -> None:
    made = stream(encoder_tokens, "albert")
    labels: Counter[int] = Counter()
    for piece, pair in taken(made, 600):
        labels[pair.label] += 1
        assert len(pair.first) + len(pair.second) <= CONTEXT - 3
        if pair.label == NOT_ASKED:
            assert len(piece.ends) == 1 or piece.ends[-2] <= piece.half
            assert not len(pair.second)
            continue
        halves = (pair.second, pair.first) if pair.label else (pair.first, pair.second)
        whole = np.concatenate(halves).tolist()
        if len(whole) == len(piece.tokens):
            assert whole == piece.tokens.tolist()
            assert len(halves[0]) in piece.ends.tolist()
        else:  # it was too long, and both are parts of it in its order
            assert len(whole) == CONTEXT - 3
            text = " ".join(map(str, piece.tokens))
            places = [text.index(" ".join(map(str, half))) for half in halves]
            assert places[0] < places[1]
    asked = labels[0] + labels[1]
    assert asked > 200
    assert half_of(labels[1], asked)


def test_a_single_sentence_is_treated_as_the_mode_says(encoder_tokens: Path) -> None:
    for objective in ("albert", "bert"):
        for mode, label in (("paper", NOT_ASKED), ("release", 1)):
            made = stream(encoder_tokens, objective, mode=mode)
            single = [(p, q) for p, q in taken(made, 1200) if len(p.ends) == 1]
            assert len(single) > 10
            for piece, pair in single:
                assert pair.label == label
                assert len(pair.first) + len(pair.second) <= CONTEXT - 3
                assert (pair.elsewhere is None) == (not len(pair.second)) == (mode == "paper")
                if mode == "paper":
                    assert pair.first.tolist() == piece.tokens.tolist()


def test_bert_takes_half_of_the_second_segments_from_elsewhere(encoder_tokens: Path) -> None:
    labels: Counter[int] = Counter()
    off = []
    for piece, pair in taken(stream(encoder_tokens, "bert"), 800):
        labels[pair.label] += 1
        if pair.label == 0:
            assert [*pair.first, *pair.second] == piece.tokens.tolist()
        elif pair.label == 1:
            assert pair.first.tolist() == piece.tokens[: len(pair.first)].tolist()
            assert len(pair.first) in piece.ends.tolist()
            off.append(abs(len(pair.first) + len(pair.second) - len(piece.tokens)))
    assert half_of(labels[1], labels[0] + labels[1]) and labels[1] > 100
    assert np.mean([n <= 1 for n in off]) > 0.8  # as long as what they stand for


def test_a_document_alone_has_no_random_second_segment(tmp_path: Path) -> None:
    words = np.arange(5, 64)
    corpus = sentence_corpus(tmp_path, [[words[:7], words[:9], words[:5]] * 30], wordpiece(64))
    for mode in ("paper", "release"):
        made = stream(corpus, "bert", mode=mode)
        assert {pair.label for _, pair in taken(made, made.samples)} <= {0, NOT_ASKED}


def test_a_trace_knows_both_documents(encoder_tokens: Path) -> None:
    made = stream(encoder_tokens, "bert")
    for piece, pair in taken(made, 60):
        spans = made.spans(piece.number)
        assert len(spans) == 1 + (pair.label == 1)
        if pair.label == 1:
            there = IndexedDataset(spans[1].shard).tokens[spans[1].start :][: spans[1].length]
            assert pair.second.tolist() == there[: len(pair.second)].tolist()


def test_electra_leaves_a_tenth_in_one_segment(encoder_tokens: Path) -> None:
    pairs = [one for one in taken(stream(encoder_tokens, "electra"), 1500) if len(one[0].ends) > 2]
    single = sum(not len(pair.second) for _, pair in pairs)
    share = 0.1 * len(pairs)
    assert abs(single - share) < 5 * share**0.5 + 0.02 * len(pairs)
    for piece, pair in pairs[:50]:
        assert pair.label == NOT_ASKED
        assert [*pair.first, *pair.second] == piece.tokens.tolist()


def test_electra_splits_a_short_sample_by_its_own_target(encoder_tokens: Path) -> None:
    made = stream(encoder_tokens, "electra", short=1.0, single=0.0)
    split = 0
    for piece, pair in taken(made, 600):
        if piece.target > 80 or not len(pair.second):
            continue
        split += 1
        ends, half = piece.ends.tolist(), piece.target // 2
        fill = max([end for end in ends if end < half], default=ends[0])
        assert len(pair.first) in (fill, ends[min(ends.index(fill) + 1, len(ends) - 1)])
    assert split > 20
