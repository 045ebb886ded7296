"""A fastText classifier as its file has it, `.bin` or quantised `.ftz`: read, and checked whole.

The layout is that of fastText 0.9 (`fasttext.cc`, `dictionary.cc`, `productquantizer.cc`),
little-endian.  Its own reader believes every size in a file; here none is taken before the file
is seen to be long enough, and every number that leads to a row is one of a row.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.store import files
from pipeline.store.errors import SettingError

MAGIC = struct.pack("<i", 793712314)
SUPERVISED = 3
HIERARCHICAL, NEGATIVE, SOFTMAX, ONE_VS_ALL = 1, 2, 3, 4
#: Of a node of the tree over labels that is not made yet (`loss.cc`): more than all labels.
ENDLESS = 10**15
_OLD, _VERSION = 11, 12  # before 12 a classifier had no subwords, whatever its file says
_CENTROIDS = 256
_LEAST_ENTRY = 10  # bytes of a word: its zero, count and type

Single = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


class _DamagedError(Exception):
    """What is wrong with the file."""


@dataclass(frozen=True)
class FastTextArgs:
    """The arguments of training that decide how a text is read."""

    dim: int
    word_ngrams: int
    loss: int
    bucket: int
    minn: int
    maxn: int


@dataclass(frozen=True)
class DenseMatrix:
    """Rows of floats, left in the file until they are asked for."""

    values: Single

    def rows(self, ids: Ids) -> Single:
        """float32 (ids, columns)."""
        return np.asarray(self.values[ids], dtype=np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.values.shape[0], self.values.shape[1]


@dataclass(frozen=True)
class QuantizedMatrix:
    """Rows by product quantisation (Joulin et al. 2016, arXiv 1612.03651).

    `codes`: uint8 (rows, parts), each the number of a centroid of its part; `parts` are the
    centroids, float32 (256, width) each; `norms`: float32 (rows,).
    """

    codes: npt.NDArray[np.uint8]
    parts: tuple[Single, ...]
    norms: Single | None

    def rows(self, ids: Ids) -> Single:
        """float32 (ids, columns)."""
        codes = self.codes[ids]
        columns = [part[codes[:, number]] for number, part in enumerate(self.parts)]
        rows = np.concatenate(columns, axis=1)
        return rows if self.norms is None else rows * self.norms[ids][:, None]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.codes), sum(part.shape[1] for part in self.parts)


@dataclass(frozen=True)
class FastTextFile:
    """All of a classifier: words by their rows; labels by their outputs, and how often each was."""

    args: FastTextArgs
    words: dict[bytes, int]
    labels: tuple[bytes, ...]
    label_counts: tuple[int, ...]
    #: {bucket: row behind the words}; None where every bucket has its row.
    pruned: dict[int, int] | None
    inputs: DenseMatrix | QuantizedMatrix
    outputs: DenseMatrix | QuantizedMatrix


def read_fasttext(path: str) -> FastTextFile:
    """Raises SettingError that says what is wrong with a file."""
    try:
        return _read(_Cursor(_content(path)))
    except _DamagedError as error:
        raise SettingError(
            f"{path} is no fastText classifier: {error}", "Fetch the file again, or use another"
        ) from None


def _content(path: str) -> Any:
    """A local file stays on disk, shared by all processes that read it; others are read."""
    if files.is_remote(path) or not files.size(path):
        return files.read_bytes(path)
    with open(files.local_path(path), "rb") as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


class _Cursor:
    """Goes through the file; never beyond its end."""

    def __init__(self, data: Any) -> None:
        self._data, self._at = data, 0

    def skip(self, count: int) -> int:
        """Where the next `count` bytes begin, which are then behind."""
        if not 0 <= count <= self.left():
            raise _DamagedError("it is cut off, or a size in it is wrong")
        self._at += count
        return self._at - count

    def left(self) -> int:
        return len(self._data) - self._at

    def numbers(self, form: str) -> tuple[Any, ...]:
        at = self.skip(struct.calcsize(form))
        return struct.unpack_from(form, self._data, at)

    def array(self, count: int, kind: str) -> npt.NDArray[Any]:
        dtype = np.dtype(kind)
        at = self.skip(count * dtype.itemsize)
        return np.frombuffer(self._data, dtype, count, at)

    def text(self) -> bytes:
        end = self._data.find(b"\0", self._at)
        if end < 0:
            raise _DamagedError("it is cut off in its vocabulary")
        at = self.skip(end + 1 - self._at)
        return bytes(self._data[at:end])


def _read(file: _Cursor) -> FastTextFile:
    args = _args(file)
    words, labels, pruned = _dictionary(file)
    quantized = _flag(file)
    inputs = _quantized(file) if quantized else _dense(file)
    outputs = _quantized(file) if _flag(file) and quantized else _dense(file)
    if pruned is not None and not quantized:
        raise _DamagedError("it is pruned, but not quantised")
    behind = args.bucket if pruned is None else len(pruned)
    if inputs.shape[0] < len(words) + behind or inputs.shape[1] != args.dim:
        raise _DamagedError(f"{inputs.shape} is no shape for {len(words) + behind:,} words")
    if outputs.shape != (len(labels), args.dim):
        raise _DamagedError(f"{outputs.shape} is no shape for {len(labels):,} labels")
    return FastTextFile(
        args,
        words,
        tuple(label for label, _ in labels),
        tuple(count for _, count in labels),
        pruned,
        inputs,
        outputs,
    )


def _args(file: _Cursor) -> FastTextArgs:
    magic, version = file.numbers("<4si")
    if magic != MAGIC or version not in (_OLD, _VERSION):
        raise _DamagedError("it has another beginning")
    dim, *_, word_ngrams, loss, model, bucket, minn, maxn, _, _ = file.numbers("<12id")
    if model != SUPERVISED:
        raise _DamagedError("it holds word vectors and no classifier")
    if loss not in (HIERARCHICAL, NEGATIVE, SOFTMAX, ONE_VS_ALL):
        raise _DamagedError(f"loss {loss} is not known")
    args = FastTextArgs(dim, word_ngrams, loss, bucket, minn, 0 if version == _OLD else maxn)
    if dim < 1 or bucket < 0 or (bucket == 0 and (word_ngrams > 1 or args.maxn > 0)):
        raise _DamagedError(f"{dim} dimensions and {bucket} buckets cannot be")
    return args


def _dictionary(
    file: _Cursor,
) -> tuple[dict[bytes, int], list[tuple[bytes, int]], dict[int, int] | None]:
    size, n_words, n_labels, _, pruned_size = file.numbers("<iiiqq")
    if min(size, n_words) < 0 or n_labels < 1 or n_words + n_labels != size:
        raise _DamagedError(f"{n_words} words and {n_labels} labels of {size} cannot be")
    if size * _LEAST_ENTRY > file.left() or pruned_size * 8 > file.left():
        raise _DamagedError("it is cut off, or the size of its vocabulary is wrong")
    words: dict[bytes, int] = {}
    labels: list[tuple[bytes, int]] = []
    for number in range(size):
        word = file.text()
        count, kind = file.numbers("<qb")
        if kind != (number >= n_words):
            raise _DamagedError("words and labels of its vocabulary are mixed")
        if kind:
            labels.append((word, count))
        elif words.setdefault(word, number) != number:
            raise _DamagedError(f"its vocabulary has {word!r} twice")
    if min(counts := [count for _, count in labels]) < 0 or sum(counts) >= ENDLESS:
        raise _DamagedError("its labels have counts that cannot be")
    if pruned_size < 0:
        return words, labels, None
    pairs = file.array(2 * pruned_size, "<i4").reshape(-1, 2).tolist()
    pruned = {int(bucket): int(row) for bucket, row in pairs}
    if any(not 0 <= row < len(pruned) for row in pruned.values()):
        raise _DamagedError("a pruned bucket leads beyond its rows")
    return words, labels, pruned


def _flag(file: _Cursor) -> bool:
    return bool(file.numbers("<B")[0])


def _dense(file: _Cursor) -> DenseMatrix:
    rows, columns = file.numbers("<qq")
    if rows < 0 or columns < 1:
        raise _DamagedError(f"a matrix of {rows} x {columns}")
    return DenseMatrix(file.array(rows * columns, "<f4").reshape(rows, columns))


def _quantized(file: _Cursor) -> QuantizedMatrix:
    normed = _flag(file)
    rows, columns, size = file.numbers("<qqi")
    if rows < 0 or columns < 1 or size < 0:
        raise _DamagedError(f"a matrix of {rows} x {columns}")
    codes = file.array(size, "u1")
    parts = _centroids(file, columns)
    if len(parts) * rows != size:
        raise _DamagedError(f"{size} codes for {rows} rows of {len(parts)} parts")
    norms: Single | None = None
    if normed:
        norm_codes = file.array(rows, "u1")
        (centroids,) = _centroids(file, 1)
        norms = centroids[:, 0][norm_codes]
    return QuantizedMatrix(codes.reshape(rows, len(parts)), parts, norms)


def _centroids(file: _Cursor, columns: int) -> tuple[Single, ...]:
    """One array of centroids for each part of a row; the last part may be narrower."""
    dim, count, width, last = file.numbers("<iiii")
    whole = count >= 1 and width >= 1 and 1 <= last <= width
    if not whole or dim != columns or (count - 1) * width + last != dim:
        raise _DamagedError(f"{dim} columns in {count} parts of {width} cannot be")
    values = file.array(dim * _CENTROIDS, "<f4")
    cut = (count - 1) * width * _CENTROIDS
    parts = values[:cut].reshape(count - 1, _CENTROIDS, width)
    return (*parts, values[cut:].reshape(_CENTROIDS, last))
