"""Chunks for encoders: no sentence lost, none twice, none too long, no two documents in one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_corpora import numbered_corpus

from pipeline.tokens.megatron import IndexedDataset, ShardIndex
from trainer.data.elsewhere import Elsewhere
from trainer.data.encoder import EncoderSamples
from trainer.data.pack import Ending, Packing, chunk_starts, documents_of, sentence_ends
from trainer.data.shard_set import find_shards
from trainer.settings.data import DataSettings

DOCUMENTS = st.lists(st.lists(st.integers(0, 40), max_size=12), max_size=20)


def index_of(documents: list[list[int]]) -> ShardIndex:
    lengths = np.array([n for sentences in documents for n in sentences], dtype=np.int32)
    ends = np.cumsum(lengths, dtype=np.int64)
    firsts = np.cumsum([0, *(len(sentences) for sentences in documents)])
    return ShardIndex(np.dtype("<u2"), lengths, (ends - lengths) * 2, firsts)


@settings(deadline=None)
@given(
    documents=DOCUMENTS,
    length=st.integers(1, 64),
    short=st.sampled_from([0.0, 0.1, 1.0]),
    ending=st.sampled_from(["fit", "overrun", "halves"]),
    key=st.integers(0, 2**64 - 1),
)
def test_chunks_tile_the_shard(
    documents: list[list[int]], length: int, short: float, ending: Ending, key: int
) -> None:
    index = index_of(documents)
    starts = chunk_starts(index, Packing(length, short, min(2, length), ending), key)
    assert starts[-1] == index.tokens and (index.tokens == 0 or starts[0] == 0)
    sizes = np.diff(starts)
    most = {"fit": length, "overrun": 2 * length, "halves": 3 * length}[ending]
    assert not len(sizes) or (sizes.min() >= 1 and sizes.max() <= most)
    assert set(index.document_starts()) <= set(starts) | {index.tokens}
    sentences = set(index.starts().tolist())
    ends = sentence_ends(index, starts[:-1], starts[1:])
    numbers = documents_of(index, starts[:-1]).tolist()
    facts = zip(starts.tolist(), starts[1:].tolist(), ends, numbers, strict=False)
    for start, stop, found, document in facts:
        inside = [s - start for s in sorted(sentences) if start < s < stop]
        assert found.tolist() == [*inside, stop - start]
        if not {start, stop} <= sentences:  # a part of a long sentence, which stays alone
            assert not inside
            begin = max(s for s in sentences if s <= start)
            assert min(s for s in sentences if s >= stop) - begin > length
            assert stop in sentences or stop - start == length
        begin, end = index.document_starts()[document : document + 2]
        assert begin <= start and stop <= end


@settings(deadline=None)
@given(documents=DOCUMENTS, target=st.integers(40, 64), key=st.integers(0, 2**64 - 1))
def test_halves_each_reach_a_target_of_their_own(
    documents: list[list[int]], target: int, key: int
) -> None:
    index, packing = index_of(documents), Packing(target, ending="halves")
    starts = chunk_starts(index, packing, key)
    ends = sentence_ends(index, starts[:-1], starts[1:])
    halves = packing.first_half(starts[:-1], np.full(len(ends), target), key).tolist()
    bounds = set(index.document_starts().tolist())
    for start, found, half in zip(starts.tolist(), ends, halves, strict=False):
        size = int(found[-1])
        if size < target or start + size in bounds:
            continue
        cut = int(found[np.searchsorted(found, half)])
        before = int(found[np.searchsorted(found, size) - 1]) if len(found) > 1 else 0
        assert cut == size or before < cut + target - half <= size


def test_greedy_takes_as_many_sentences_as_fit() -> None:
    index = index_of([[4, 4, 4, 9, 25, 3], [10], [], [3, 3]])
    starts = chunk_starts(index, Packing(10), 0)
    # The sentence of 25 is cut in three, and what is left of it stays alone.
    assert starts.tolist() == [0, 8, 12, 21, 31, 41, 46, 49, 59, 65]


def test_a_short_target_takes_one_sentence() -> None:
    index = index_of([[7, 8, 9]])
    assert chunk_starts(index, Packing(30, 1.0, 2), 0).tolist()[1:-1] != []
    always = Packing(30, 1.0, 2)
    for start, stop in pairwise(chunk_starts(index, always, 5).tolist()):
        assert {start, stop} <= {0, 7, 15, 24}


def test_short_targets_come_as_often_as_asked() -> None:
    packing, starts = Packing(500, 0.1, 2), np.arange(200_000) * 37
    targets = packing.targets(starts, 9)
    short = targets[targets < 500]
    assert 0.097 < len(short) / 200_000 < 0.102
    assert short.min() == 2 and 245 < short.mean() < 257
    assert (targets == packing.targets(starts, 9)).all()
    assert (targets != packing.targets(starts, 10)).any()


@pytest.fixture
def samples(tmp_path: Path) -> EncoderSamples:
    corpus = numbered_corpus(tmp_path / "corpus", [1230, 2040], document=130, sentence=9)
    chosen = DataSettings(block=100, window=3)
    return EncoderSamples(
        find_shards(str(corpus)), "train", Packing(40, 0.2, 5), 3, settings=chosen
    )


def test_an_epoch_has_each_token_once(samples: EncoderSamples) -> None:
    taken = samples.take(0, samples.samples)
    assert sorted(np.concatenate([s.tokens for s in taken])) == list(range(3270))
    assert [s.number for s in taken] == list(range(samples.samples))
    second = samples.take(samples.samples, samples.samples)
    assert [s.piece for s in taken] != [s.piece for s in second]
    assert {s.piece for s in taken} == {s.piece for s in second}


def test_a_sample_is_the_same_alone_and_its_span_is_where_it_lies(samples: EncoderSamples) -> None:
    for sample in samples.take(5, 40):
        alone = samples.sample(sample.number)
        assert (alone.tokens == sample.tokens).all() and (alone.ends == sample.ends).all()
        (span,) = samples.spans(sample.number)
        there = IndexedDataset(span.shard).tokens[span.start : span.start + span.length]
        assert (there == sample.tokens).all()
        assert sample.ends[-1] == len(sample.tokens) == span.length <= 40


def test_sentences_and_documents_are_those_of_the_shards(samples: EncoderSamples) -> None:
    for sample in samples.take(0, samples.samples):
        first = int(sample.tokens[0])
        shard, start = (0, first) if first < 1230 else (1, first - 1230)
        before = 0 if shard == 0 else -(-1230 // 130)
        assert sample.document == before + start // 130
        ends = [int(sample.tokens[end - 1]) for end in sample.ends[:-1]]
        assert all(((t if shard == 0 else t - 1230) % 130 + 1) % 9 == 0 for t in ends)


def test_what_is_elsewhere_is_in_another_document(samples: EncoderSamples) -> None:
    elsewhere = Elsewhere(samples)
    for sample in samples.take(0, 30):
        draw = 10**18 + sample.number
        half = elsewhere.second_half(sample, 1, 20, 40, draw)
        running = elsewhere.from_a_sentence_on(sample, 20, draw)
        assert half is not None and running is not None
        again = elsewhere.second_half(sample, 1, 20, 40, draw)
        assert again is not None and again.span == half.span
        for passage in (half, running):
            span = passage.span
            there = IndexedDataset(span.shard).tokens[span.start : span.start + span.length]
            assert (there == passage.tokens).all()
            first = int(passage.tokens[0])
            shard, start = (0, first) if first < 1230 else (1, first - 1230)
            before = 0 if shard == 0 else -(-1230 // 130)
            assert before + start // 130 != sample.document
            assert (start % 130) % 9 == 0  # a sentence begins there
        assert len(half.tokens) <= 40


def test_of_one_document_there_is_nothing_elsewhere(tmp_path: Path) -> None:
    corpus = numbered_corpus(tmp_path / "corpus", [90])
    samples = EncoderSamples(find_shards(str(corpus)), "train", Packing(40))
    sample = samples.sample(0)
    assert Elsewhere(samples).second_half(sample, 1, 20, 40, 5) is None
    assert Elsewhere(samples).from_a_sentence_on(sample, 20, 5) is None
