"""Shards: written as Megatron's format says, read back, and refused when damaged."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.store.errors import WebtextError
from pipeline.tokens.megatron import ENDINGS, IndexedDataset, Writer, dtype_for

U16, I32 = np.dtype("<u2"), np.dtype("<i4")
DOCUMENTS = [[[1, 2, 3], [4]], [[5]], [], [[6, 7], [8, 9, 10], [11]]]


def write(
    prefix: Path, documents: list[list[list[int]]], dtype: np.dtype = U16, header: bool = False
) -> Path:
    with Writer(str(prefix), dtype, header=header) as writer:
        for document in documents:
            tokens = np.array([t for sentence in document for t in sentence], dtype)
            writer.add(tokens, np.array([len(s) for s in document], np.int64))
    return prefix


def test_layout_is_megatrons_to_the_byte(tmp_path: Path) -> None:
    prefix = write(tmp_path / "a", [[[1, 2], [3]], [[4]]])
    assert (tmp_path / "a.bin").read_bytes() == struct.pack("<4H", 1, 2, 3, 4)
    assert (tmp_path / "a.sentences.idx").read_bytes() == (
        b"MMIDIDX\0\0"
        + struct.pack("<QBQQ", 1, 8, 3, 3)
        + struct.pack("<3i", 2, 1, 1)
        + struct.pack("<3q", 0, 4, 6)
        + struct.pack("<3q", 0, 2, 3)
    )
    assert (tmp_path / "a.idx").read_bytes() == (
        b"MMIDIDX\0\0"
        + struct.pack("<QBQQ", 1, 8, 2, 3)
        + struct.pack("<2i", 3, 1)
        + struct.pack("<2q", 0, 6)
        + struct.pack("<3q", 0, 1, 2)
    )
    assert len(IndexedDataset(str(prefix))) == 2


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.lists(st.integers(0, 65535), max_size=5), max_size=4), max_size=5),
    st.sampled_from([U16, I32]),
    st.booleans(),
)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    documents: list[list[list[int]]],
    dtype: np.dtype,
    header: bool,
) -> None:
    prefix = write(tmp_path_factory.mktemp("shard") / "a", documents, dtype, header)
    shard = IndexedDataset(str(prefix))
    assert shard.tokens.dtype == dtype
    whole = [[t for s in document for t in s] for document in documents]
    assert [list(shard[i]) for i in range(len(shard))] == whole
    index = shard.sentence_index()
    sentences = [s for document in documents for s in document]
    assert [list(shard.tokens[a:b]) for a, b in itertools.pairwise(index.starts())] == sentences
    assert np.diff(index.documents).tolist() == [len(document) for document in documents]
    assert [list(shard.document(d)) for d in range(len(documents))] == whole
    starts = shard.index.document_starts()
    assert [list(shard.tokens[a:b]) for a, b in itertools.pairwise(starts)] == whole


def test_many_documents_at_once_give_the_same_bytes(tmp_path: Path) -> None:
    one = write(tmp_path / "one", DOCUMENTS)
    with Writer(str(tmp_path / "many"), U16) as writer:
        writer.add_many(np.arange(1, 12), np.array([3, 1, 1, 2, 3, 1]), np.array([2, 1, 0, 3]))
    for suffix in ENDINGS:
        assert Path(f"{one}{suffix}").read_bytes() == (tmp_path / f"many{suffix}").read_bytes()


def test_vocabulary_chooses_the_token_type() -> None:
    assert [dtype_for(n) for n in (50_257, 65_499, 65_500)] == [U16, U16, I32]


def change(path: Path, at: int, data: bytes) -> None:
    old = path.read_bytes()
    path.write_bytes(old[:at] + data + old[at + len(data) :])


@pytest.mark.parametrize(
    ("at", "data", "said"),
    [
        (0, b"X", "does not begin with MMIDIDX"),
        (9, b"\2", "version 2"),
        (17, b"\6", "token type 6"),
        (18, b"\7", "bytes, not"),  # says one sequence more than there are
        (34 + 6 * 4, b"\2", "pointer 0 is 2, not 0"),
        (34, b"\4", "pointer 1 is 6, not 8"),
        (34 + 6 * 4 + 8, b"\2", "pointer 1 is 2, not 6"),
        (34 + 6 * 12, b"\1", "documents are not in order"),
        (34 + 6 * 12 + 8, b"\5", "documents are not in order"),
        (34 + 3, b"\xff", "negative length"),
    ],
)
def test_damaged_index_is_refused(tmp_path: Path, at: int, data: bytes, said: str) -> None:
    """The index of six sentences, beside another and alone."""
    path = Path(f"{write(tmp_path / 'a', DOCUMENTS)}.sentences.idx")
    change(path, at, data)
    with pytest.raises(WebtextError, match=said) as caught:
        IndexedDataset(str(tmp_path / "a")).sentence_index()
    assert "a.sentences.idx" in str(caught.value)
    path.rename(tmp_path / "a.idx")
    with pytest.raises(WebtextError, match=said) as caught:
        IndexedDataset(str(tmp_path / "a"))
    assert "a.idx" in str(caught.value)


def test_an_index_of_another_shard_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a", DOCUMENTS)
    write(tmp_path / "b", DOCUMENTS[:2])
    (tmp_path / "b.sentences.idx").rename(tmp_path / "a.sentences.idx")
    with pytest.raises(WebtextError, match=r"a\.bin has 22 bytes, its index says 10"):
        IndexedDataset(str(tmp_path / "a")).sentence_index()


def test_sequences_of_a_shard_with_one_index_are_its_sentences(tmp_path: Path) -> None:
    write(tmp_path / "a", DOCUMENTS)
    (tmp_path / "a.sentences.idx").rename(tmp_path / "a.idx")
    shard = IndexedDataset(str(tmp_path / "a"))
    assert shard.sentence_index().lengths.tolist() == [3, 1, 1, 2, 3, 1]
    assert [list(shard.document(d)) for d in (0, 3)] == [[1, 2, 3, 4], [6, 7, 8, 9, 10, 11]]


def test_cut_or_missing_files_are_refused(tmp_path: Path) -> None:
    for suffix, said in ((".bin", "its index says"), (".idx", "bytes, not")):
        prefix = write(tmp_path / "a", DOCUMENTS)
        path = Path(f"{prefix}{suffix}")
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(WebtextError, match=said):
            IndexedDataset(str(prefix))
        path.unlink()
        with pytest.raises(WebtextError, match="is missing"):
            IndexedDataset(str(prefix))
    (tmp_path / "a.idx").write_bytes(b"")
    with pytest.raises(WebtextError, match="does not begin with MMIDIDX"):
        IndexedDataset(str(prefix))


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    prefix = write(tmp_path / "a", DOCUMENTS)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(ValueError, match="do not fit"), Writer(str(prefix), U16) as writer:
        writer.add(np.arange(3), np.array([3]))
        writer.add(np.arange(3), np.array([2]))
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_llm_c_header_is_before_the_tokens_and_pointers_know(tmp_path: Path) -> None:
    plain, headed = write(tmp_path / "a", DOCUMENTS), write(tmp_path / "b", DOCUMENTS, header=True)
    data = Path(f"{headed}.bin").read_bytes()
    assert struct.unpack("<4i", data[:16]) == (20240520, 1, 11, 0)
    assert not any(data[12:1024])
    assert data[1024:] == Path(f"{plain}.bin").read_bytes()
    one, other = IndexedDataset(str(plain)).index, IndexedDataset(str(headed)).index
    assert (one.offset, other.offset) == (0, 1024)
    assert (one.pointers + 1024).tolist() == other.pointers.tolist()
    assert one.starts().tolist() == other.starts().tolist()


def test_a_wrong_llm_c_header_is_refused(tmp_path: Path) -> None:
    prefix = write(tmp_path / "a", DOCUMENTS, header=True)
    change(tmp_path / "a.bin", 8, b"\x0c")
    with pytest.raises(WebtextError, match=r"a\.bin: its llm\.c header says.*12.*11"):
        IndexedDataset(str(prefix))


def test_llm_c_header_refuses_what_it_cannot_say(tmp_path: Path) -> None:
    endless = np.broadcast_to(np.uint16(7), (1 << 31,))  # takes no memory
    with (
        pytest.raises(WebtextError, match=r"more than the 2,147,483,647 tokens.*tokens\.shards"),
        Writer(str(tmp_path / "a"), U16, header=True) as writer,
    ):
        writer.add(endless, np.array([1 << 31]))
    assert not list(tmp_path.iterdir())
