"""Chunks for encoders: no sentence lost, none twice, none too long, no two documents in one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_corpora import numbered_corpus

from pipeline.tokens.megatron import IndexedDataset, ShardIndex
from trainer.data.encoder import EncoderSamples
from trainer.data.pack import Packing, chunk_starts, document_of, sentence_ends
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
    key=st.integers(0, 2**64 - 1),
)
def test_chunks_tile_the_shard(
    documents: list[list[int]], length: int, short: float, key: int
) -> None:
    index = index_of(documents)
    starts = chunk_starts(index, Packing(length, short, min(2, length)), key)
    assert starts[-1] == index.tokens and (index.tokens == 0 or starts[0] == 0)
    sizes = np.diff(starts)
    assert not len(sizes) or (sizes.min() >= 1 and sizes.max() <= length)
    assert set(index.document_starts()) <= set(starts) | {index.tokens}
    sentences = set(index.starts().tolist())
    for start, stop in zip(starts.tolist(), starts[1:].tolist(), strict=False):
        inside = [s - start for s in sorted(sentences) if start < s < stop]
        assert sentence_ends(index, start, stop).tolist() == [*inside, stop - start]
        # A sentence is cut only where it began the chunk and is longer than the target.
        assert stop in sentences or not inside
        document = document_of(index, start)
        begin, end = index.document_starts()[document : document + 2]
        assert begin <= start and stop <= end


def test_greedy_takes_as_many_sentences_as_fit() -> None:
    index = index_of([[4, 4, 4, 9, 25, 3], [10], [], [3, 3]])
    starts = chunk_starts(index, Packing(10), 0)
    assert starts.tolist() == [0, 8, 12, 21, 31, 41, 49, 59, 65]


def test_short_targets_come_as_often_as_asked() -> None:
    packing = Packing(500, 0.1, 2)
    targets = packing.targets(np.arange(200_000), 0, 9)
    short = targets[targets < 500]
    assert 0.097 < len(short) / 200_000 < 0.102
    assert short.min() == 2 and 245 < short.mean() < 257
    assert (targets == packing.targets(np.arange(200_000), 0, 9)).all()
    assert (targets != packing.targets(np.arange(200_000), 1, 9)).any()


@pytest.fixture
def samples(tmp_path: Path) -> EncoderSamples:
    corpus = numbered_corpus(tmp_path / "corpus", [1230, 2040], document=130, sentence=9)
    chosen = DataSettings(block=100, window=3)
    return EncoderSamples(
        find_shards(str(corpus)), "train", 40, 3, short=0.2, shortest=5, settings=chosen
    )


def test_an_epoch_has_each_token_once(samples: EncoderSamples) -> None:
    taken = samples.take(0, samples.samples)
    assert sorted(np.concatenate([s.tokens for s in taken])) == list(range(3270))
    assert [s.number for s in taken] == list(range(samples.samples))
    second = samples.take(samples.samples, samples.samples)
    assert [s.place for s in taken] != [s.place for s in second]
    assert {s.place for s in taken} == {s.place for s in second}


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


def test_another_document_is_another(samples: EncoderSamples) -> None:
    for sample in samples.take(0, 30):
        other = samples.other(sample, 10**18 + sample.number)
        assert other.document != sample.document
        assert other.place == samples.other(sample, 10**18 + sample.number).place


def test_of_one_document_there_is_no_other(tmp_path: Path) -> None:
    corpus = numbered_corpus(tmp_path / "corpus", [90])
    samples = EncoderSamples(find_shards(str(corpus)), "train", 40)
    sample = samples.sample(0)
    assert samples.other(sample, 5) is sample
