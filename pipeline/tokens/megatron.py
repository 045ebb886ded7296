"""Reader and writer of token shards: Megatron's indexed datasets, a `.bin` and an `.idx` each.

`.bin` holds the tokens one after the other and nothing else, so it is nanoGPT's
`train.bin` as well.  `.idx` says where sequences and documents begin; here a sequence is a
whole document, since Megatron's `GPTDataset` puts sequences in a random order.  Encoders
need sentences: `.sentences.idx` is an index of the same `.bin` whose sequences are those.
All numbers are little endian:

    9 bytes   "MMIDIDX" and two NUL bytes
    uint64    1, the version
    uint8     8 for uint16 tokens, 4 for int32
    uint64    S, the number of sequences
    uint64    D + 1, the number of documents and one
    int32[S]    tokens of each sequence
    int64[S]    where each sequence begins in `.bin`, in bytes
    int64[D+1]  the first sequence of each document, and S at the end

The layout is that of megatron/core/datasets/indexed_dataset.py in NVIDIA/Megatron-LM.
With llm.c's header (`pipeline.tokens.llm_c`) a `.bin` has 1,024 bytes before its tokens and all
pointers are greater by as much, so Megatron opens it just the same.

The trainer reads shards by this module, which therefore imports neither Beam nor torch.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.tokens import llm_c

MAGIC = b"MMIDIDX\x00\x00"
VERSION = 1
#: Bytes before the first array of an index.
HEADER = 34
#: Codes of the token types that text needs; Megatron knows more.
DTYPES: dict[int, np.dtype[Any]] = {4: np.dtype("<i4"), 8: np.dtype("<u2")}
#: Megatron takes uint16 for a vocabulary below this (`DType.optimal_dtype`).
SMALL_VOCABULARY = 65_500

#: What follows the name of a shard in those of its files: tokens, sentences, documents.
ENDINGS = _TOKENS, _SENTENCES, _DOCUMENTS = ".bin", ".sentences.idx", ".idx"

_REMEDY = "Run `webtext verify`, and build the tokens stage again or copy the shard once more"


def dtype_for(vocab_size: int) -> np.dtype[Any]:
    """The token type of a vocabulary: uint16 where it fits, else int32."""
    return DTYPES[8] if vocab_size < SMALL_VOCABULARY else DTYPES[4]


@dataclass(frozen=True)
class ShardIndex:
    """What an `.idx` says.  S sequences, D documents.

    `lengths`: int32 (S,), in tokens.  `pointers`: int64 (S,), in bytes.
    `documents`: int64 (D + 1,), the first sequence of each document and S.
    """

    dtype: np.dtype[Any]
    lengths: NDArray[np.int32]
    pointers: NDArray[np.int64]
    documents: NDArray[np.int64]

    @property
    def offset(self) -> int:
        """Bytes of `.bin` before its first token: 0, or those of llm.c's header."""
        return int(self.pointers[0]) if len(self.pointers) else 0

    @property
    def tokens(self) -> int:
        """Tokens of the whole shard."""
        if not len(self.lengths):
            return 0
        last = int(self.pointers[-1]) - self.offset
        return last // self.dtype.itemsize + int(self.lengths[-1])

    def starts(self) -> NDArray[np.int64]:
        """Where each sequence begins, and the end of the last: int64 (S + 1,).

        In tokens, counted from the first token of the shard.
        """
        return np.append((self.pointers - self.offset) // self.dtype.itemsize, self.tokens)

    def document_starts(self) -> NDArray[np.int64]:
        """Where each document begins, and the end of the last, in tokens: int64 (D + 1,)."""
        return self.starts()[self.documents]


@dataclass(frozen=True)
class Header:
    """The fixed first bytes of an `.idx`: token type, number of sequences, documents and one."""

    dtype: np.dtype[Any]
    sequences: int
    documents: int

    @property
    def first_pointer(self) -> slice:
        """Where in the `.idx` pointer 0 stands; empty where there is no sequence."""
        start = HEADER + 4 * self.sequences
        return slice(start, start + min(8, 8 * self.sequences))


def parse_header(data: Any, size: int, name: str) -> Header:
    """Reads the first HEADER bytes of an `.idx` of `size` bytes.

    Raises WebtextError, with `name` in it, for a wrong magic, version, token type or length.
    """
    start = bytes(memoryview(data).cast("B")[:HEADER])
    if len(start) < HEADER or start[:9] != MAGIC:
        raise WebtextError(f"{name} is not a Megatron index: it does not begin with MMIDIDX")
    version, code, sequences, documents = struct.unpack("<QBQQ", start[9:])
    if version != VERSION:
        raise WebtextError(f"{name} has version {version}, not {VERSION}", _REMEDY)
    if code not in DTYPES:
        raise WebtextError(f"{name}: token type {code} is neither uint16 (8) nor int32 (4)")
    expected = HEADER + 12 * sequences + 8 * documents
    if size != expected:
        raise WebtextError(f"{name} has {size:,} bytes, not {expected:,}", _REMEDY)
    return Header(DTYPES[code], sequences, documents)


def parse_index(data: Any, name: str) -> ShardIndex:
    """Reads an index from the bytes of an `.idx` (a buffer: bytes or a memory map).

    Raises WebtextError, with `name` in it, for a wrong magic, version, token type,
    length, order of pointers or order of documents.
    """
    buffer = memoryview(data).cast("B")
    header = parse_header(buffer, len(buffer), name)
    sequences, documents = header.sequences, header.documents
    lengths = np.frombuffer(buffer, "<i4", sequences, HEADER)
    pointers = np.frombuffer(buffer, "<i8", sequences, HEADER + 4 * sequences)
    firsts = np.frombuffer(buffer, "<i8", documents, HEADER + 12 * sequences)
    index = ShardIndex(header.dtype, lengths, pointers, firsts)
    _check_order(index, name)
    return index


def _check_order(index: ShardIndex, name: str) -> None:
    """Sequences must follow each other without gaps, and documents cover all of them."""
    lengths = index.lengths.astype(np.int64)
    if (lengths < 0).any():
        raise WebtextError(f"{name}: a sequence has a negative length", _REMEDY)
    check_offset(index.offset, name)
    expected = (np.cumsum(lengths) - lengths) * index.dtype.itemsize + index.offset
    wrong = np.flatnonzero(index.pointers != expected)
    if len(wrong):
        raise WebtextError(
            f"{name}: pointer {wrong[0]:,} is {index.pointers[wrong[0]]:,}, "
            f"not {expected[wrong[0]]:,}",
            _REMEDY,
        )
    firsts = index.documents
    whole = len(firsts) and firsts[0] == 0 and firsts[-1] == len(lengths)
    if not whole or (np.diff(firsts) < 0).any():
        raise WebtextError(f"{name}: the documents are not in order or not complete", _REMEDY)


def check_offset(offset: int, name: str) -> None:
    """Raises WebtextError when tokens cannot begin `offset` bytes into a `.bin`."""
    if offset not in (0, llm_c.BYTES):
        raise WebtextError(f"{name}: pointer 0 is {offset:,}, not 0", _REMEDY)


class IndexedDataset:
    """One shard on a local disk, memory-mapped.

    `tokens` is the whole `.bin` as an array; `lengths`, `pointers` and `documents`
    are those of `ShardIndex`.  Raises WebtextError when a file is missing or damaged, or
    when `.bin` has not the size that `.idx` says.
    """

    def __init__(self, path_prefix: str) -> None:
        self.path_prefix = path_prefix
        self.index = parse_index(_map(f"{path_prefix}.idx"), f"{path_prefix}.idx")
        data = _map(f"{path_prefix}.bin")
        check_bin_size(self.index, len(data), f"{path_prefix}.bin")
        header = self.index.offset
        if header:
            llm_c.check_header(data[:header], self.index.tokens, f"{path_prefix}.bin", _REMEDY)
        end = header + self.index.tokens * self.index.dtype.itemsize
        self.tokens: NDArray[Any] = data[header:end].view(self.index.dtype)

    def sentence_index(self) -> ShardIndex:
        """Where sentences and documents begin.

        Raises WebtextError when it is damaged or not of this shard.
        """
        path = sentence_index_path(self.path_prefix)
        index = parse_index(_map(path), path)
        check_bin_size(index, files.size(f"{self.path_prefix}.bin"), f"{self.path_prefix}.bin")
        return index

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Tokens of each sequence, int32 (S,)."""
        return self.index.lengths

    @property
    def pointers(self) -> NDArray[np.int64]:
        """Where each sequence begins in `.bin`, in bytes, int64 (S,)."""
        return self.index.pointers

    @property
    def documents(self) -> NDArray[np.int64]:
        """The first sequence of each document, and S at the end, int64 (D + 1,)."""
        return self.index.documents

    def __len__(self) -> int:
        """The number of sequences."""
        return len(self.lengths)

    def __getitem__(self, i: int) -> NDArray[Any]:
        """The tokens of sequence `i`."""
        start = self._start(i)
        sequence: NDArray[Any] = self.tokens[start : start + int(self.lengths[i])]
        return sequence

    def _start(self, i: int) -> int:
        return (int(self.pointers[i]) - self.index.offset) // self.index.dtype.itemsize

    def document(self, d: int) -> NDArray[Any]:
        """The tokens of document `d`, end token included, with d >= 0."""
        first, last = int(self.documents[d]), int(self.documents[d + 1])
        if first == last:
            return self.tokens[:0]
        end = self._start(last - 1) + int(self.lengths[last - 1])
        sequence: NDArray[Any] = self.tokens[self._start(first) : end]
        return sequence


def sentence_index_path(path_prefix: str) -> str:
    """The index of a shard whose sequences are sentences.

    That is the only index of shards that others made, and of ours of before there were two.
    """
    path = f"{path_prefix}{_SENTENCES}"
    return path if files.exists(path) else f"{path_prefix}{_DOCUMENTS}"


def check_bin_size(index: ShardIndex, size: int, name: str) -> None:
    """Raises WebtextError when a `.bin` of `size` bytes is not the one of this index."""
    expected = index.offset + index.tokens * index.dtype.itemsize
    empty_with_header = not len(index.lengths) and size == llm_c.BYTES
    if size != expected and not empty_with_header:
        raise WebtextError(f"{name} has {size:,} bytes, its index says {expected:,}", _REMEDY)


def _map(path: str) -> NDArray[np.uint8]:
    try:
        if files.size(path) == 0:  # an empty file cannot be mapped
            return np.empty(0, np.uint8)
        return np.memmap(path, dtype=np.uint8, mode="r")
    except FileNotFoundError:
        raise WebtextError(f"{path} is missing", _REMEDY) from None


class Writer:
    """Writes one shard: `PREFIX.bin`, `PREFIX.sentences.idx`, and last `PREFIX.idx`.

    Each file is whole or not there at all.
    Use as a context manager.  A local prefix or an fsspec address.  `header`: with
    llm.c's header.  Memory: 4 bytes a sentence.  When the block raises, nothing appears.
    """

    def __init__(self, path_prefix: str, dtype: np.dtype[Any], *, header: bool = False) -> None:
        self._prefix, self._dtype = path_prefix, np.dtype(dtype)
        self._offset = llm_c.BYTES if header else 0
        self._code = {name: code for code, name in DTYPES.items()}[self._dtype]
        self._lengths: list[NDArray[np.int32]] = []
        self._sentences: list[NDArray[np.int64]] = []
        self.tokens = 0

    def __enter__(self) -> Self:
        self._atomic = files.atomic(f"{self._prefix}.bin")
        self._bin = open(self._atomic.__enter__(), "wb")
        self._bin.write(bytes(self._offset))
        return self

    def add(self, tokens: NDArray[Any], lengths: NDArray[Any]) -> None:
        """Adds one document: its tokens, and how many of them each sentence has."""
        self.add_many(tokens, lengths, np.array([len(lengths)]))

    def add_many(
        self, tokens: NDArray[Any], lengths: NDArray[Any], sentences: NDArray[Any]
    ) -> None:
        """Adds documents that follow each other in `tokens`.

        `lengths`: tokens of each sentence; `sentences`: sentences of each document.
        """
        if int(lengths.sum()) != len(tokens) or int(sentences.sum()) != len(lengths):
            raise ValueError("tokens, lengths and sentences do not fit together")
        if self._offset and self.tokens + len(tokens) > llm_c.MOST_TOKENS:
            raise WebtextError(
                f"{self._prefix} has more than the {llm_c.MOST_TOKENS:,} tokens of an llm.c header",
                "Set tokens.shards to a greater number, or tokens.header to none",
            )
        self._bin.write(np.ascontiguousarray(tokens, self._dtype).data)
        self._lengths.append(lengths.astype(np.int32))
        self._sentences.append(sentences.astype(np.int64))
        self.tokens += len(tokens)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._offset and kind is None:
            self._bin.seek(0)
            self._bin.write(llm_c.header(self.tokens))
        self._bin.close()
        self._atomic.__exit__(kind, error, trace)
        if kind is None:
            lengths = np.concatenate([np.empty(0, np.int32), *self._lengths])
            firsts = np.cumsum(np.concatenate([np.zeros(1, np.int64), *self._sentences]))
            files.write_bytes(f"{self._prefix}{_SENTENCES}", self._index(lengths, firsts))
            ends = np.append(0, np.cumsum(lengths, dtype=np.int64))
            documents = np.diff(ends[firsts])
            files.write_bytes(
                f"{self._prefix}{_DOCUMENTS}", self._index(documents, np.arange(len(firsts)))
            )

    def _index(self, lengths: NDArray[Any], firsts: NDArray[np.int64]) -> bytes:
        """An index with sequences of these lengths; `firsts`: the first of each document, and S."""
        ends = np.cumsum(lengths, dtype=np.int64)
        pointers = (ends - lengths) * self._dtype.itemsize + self._offset
        header = struct.pack("<QBQQ", VERSION, self._code, len(lengths), len(firsts))
        arrays = (lengths.astype("<i4"), pointers.astype("<i8"), firsts.astype("<i8"))
        return MAGIC + header + b"".join(array.tobytes() for array in arrays)
