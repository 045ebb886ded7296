"""fastText classifiers (Joulin et al. 2016, arXiv 1607.01759), such as DCLM's.

The numbers are those of fastText's own `predict`, its oddities with them: probabilities have
1e-5 added (`std_log` in `utils.cc`), a logistic output comes from a table of 512 steps
(`loss.cc`), and a text ends at the word `</s>`.  Line breaks are spaces, since a text is one
line.  All sums are of 32-bit floats in a fixed order, so they are the same on every processor.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipeline.quality.scorers.fasttext_file import (
    ENDLESS,
    HIERARCHICAL,
    MAGIC,
    SOFTMAX,
    FastTextFile,
    Ids,
    Single,
    read_fasttext,
)
from pipeline.store.scorer import Floats, Scorer, ScorerOptions

Hashes = npt.NDArray[np.uint64]

_END, _LABEL = b"</s>", b"__label__"
_SPACES = bytes.maketrans(b"\0", b" ")  # beside those that bytes.split() knows
_KNOWN_WORDS = 1 << 17  # of which rows are remembered, some 50 MB
_ROWS_AT_ONCE = 4096
_NO_IDS: Ids = np.empty(0, dtype=np.int64)
_FNV_BASIS, _FNV_PRIME = 2166136261, 16777619
_NGRAM_FACTOR = np.uint64(116049371)
_LOG_FLOOR = np.float32(1e-5)
_SIGMOID_STEPS, _SIGMOID_END = 512, 8.0
_LONGEST_LETTER = 4  # bytes


class FastText(Scorer):
    """A `.bin` or `.ftz` file of `fasttext supervised`."""

    def __init__(self, options: ScorerOptions) -> None:
        super().__init__(options)
        self._file = read_fasttext(options.path)
        self._word_rows = functools.lru_cache(_KNOWN_WORDS)(self._look_up)

    @classmethod
    def reads(cls, head: bytes) -> bool:
        """By fastText's own mark."""
        return head.startswith(MAGIC)

    @property
    def labels(self) -> tuple[str, ...]:
        """With their `__label__`."""
        return tuple(label.decode("utf-8", "replace") for label in self._file.labels)

    def outputs(self, texts: Sequence[str]) -> Floats:
        """Probabilities; all 0 for a text of which the model knows no word."""
        return np.array([self._probabilities(text) for text in texts], dtype=np.float64)

    def _probabilities(self, text: str) -> Single:
        ids = self._ids(text)
        if not len(ids):
            return np.zeros(len(self._file.labels), dtype=np.float32)
        total = np.zeros((1, self._file.args.dim), dtype=np.float32)
        for start in range(0, len(ids), _ROWS_AT_ONCE):
            rows = self._file.inputs.rows(ids[start : start + _ROWS_AT_ONCE])
            total = np.add.reduce(np.concatenate([total, rows]), axis=0, keepdims=True)
        hidden = total[0] * np.float32(1.0 / len(ids))
        margins = _dot(self._file.outputs.rows(np.arange(len(self._file.labels))), hidden)
        if self._file.args.loss == HIERARCHICAL:
            return _tree_probabilities(self._file, margins)
        if self._file.args.loss == SOFTMAX:
            powers = np.exp(margins - margins.max())
            return np.asarray(powers / np.cumsum(powers)[-1] + _LOG_FLOOR, dtype=np.float32)
        return np.asarray(_sigmoid(margins) + _LOG_FLOOR, dtype=np.float32)

    def _ids(self, text: str) -> Ids:
        """The rows of a text: its words, their subwords, and its word n-grams."""
        tokens = text.encode("utf-8", "surrogatepass").translate(_SPACES).split()
        end = tokens.index(_END) if _END in tokens else len(tokens)
        looked_up = [self._word_rows(token) for token in [*tokens[:end], _END]]
        hashes = np.array([code for code, _ in looked_up if code is not None], dtype=np.int64)
        return np.concatenate([*(ids for _, ids in looked_up), self._word_ngrams(hashes)])

    def _look_up(self, token: bytes) -> tuple[int | None, Ids]:
        """The hash of a word, as a signed number, and its rows; (None, none) for a label."""
        file = self._file
        number = file.words.get(token)
        if number is None and (token.startswith(_LABEL) or token in file.labels):
            return None, _NO_IDS
        own = _NO_IDS if number is None else np.array([number])
        subwords = _NO_IDS if token == _END else self._rows_of(self._subwords(token))
        return _signed(_fnv(token)), np.concatenate([own, subwords])

    def _subwords(self, token: bytes) -> Hashes:
        """Hashes of the runs of minn to maxn letters of `<token>`, without its two ends alone."""
        args = self._file.args
        if args.maxn <= 0:
            return np.empty(0, dtype=np.uint64)
        word = np.frombuffer(b"<" + token + b">", dtype=np.uint8)
        starts = np.flatnonzero((word & 0xC0) != 0x80)
        ends = np.append(starts[1:], len(word))
        hashes = np.full(len(starts), _FNV_BASIS, dtype=np.uint32)
        numbers = []
        for length in range(1, min(args.maxn, len(starts)) + 1):
            begin, last = starts[length - 1 :], ends[length - 1 :]
            hashes = _fnv_more(hashes[: len(begin)], word, begin, last)
            if length >= args.minn:
                numbers.append((1, hashes[1:-1]) if length == 1 else (0, hashes))
        return _by_start([(first, some.astype(np.uint64)) for first, some in numbers])

    def _word_ngrams(self, hashes: Ids) -> Ids:
        numbers = []
        signed = hashes.astype(np.uint64)  # a negative hash is taken modulo 2^64, as C++ does
        rolled = signed
        for length in range(2, min(self._file.args.word_ngrams, len(hashes)) + 1):
            rolled = rolled[:-1] * _NGRAM_FACTOR + signed[length - 1 :]
            numbers.append((0, rolled))
        return self._rows_of(_by_start(numbers))

    def _rows_of(self, hashes: Hashes) -> Ids:
        """The rows of n-grams, which lie behind those of the words."""
        file = self._file
        if not len(hashes):
            return _NO_IDS
        buckets = (hashes % np.uint64(file.args.bucket)).astype(np.int64)
        if file.pruned is not None:
            rows = [file.pruned[bucket] for bucket in buckets.tolist() if bucket in file.pruned]
            buckets = np.array(rows, dtype=np.int64)
        return buckets + len(file.words)


def _by_start(grams: Sequence[tuple[int, Hashes]]) -> Hashes:
    """N-grams of each length, (where the first begins, hashes), in fastText's order: by their
    starts, then by length."""
    starts = np.concatenate([_NO_IDS, *(first + np.arange(len(some)) for first, some in grams)])
    hashes = np.concatenate([np.empty(0, np.uint64), *(some for _, some in grams)])
    return hashes[np.argsort(starts, kind="stable")]


def _fnv(token: bytes) -> int:
    """FNV-1a of 32 bits, but that bytes count as signed (`dictionary.cc`)."""
    value = _FNV_BASIS
    for byte in token:
        value = ((value ^ _extended(byte)) * _FNV_PRIME) & 0xFFFFFFFF
    return value


def _extended(byte: int) -> int:
    """A signed byte as 32 bits."""
    return byte | 0xFFFFFF00 if byte & 0x80 else byte


def _signed(value: int) -> int:
    return value - (1 << 32) if value >> 31 else value


def _fnv_more(
    hashes: npt.NDArray[np.uint32], word: npt.NDArray[np.uint8], starts: Ids, ends: Ids
) -> npt.NDArray[np.uint32]:
    """`hashes` with one letter more each, which is `word[start:end]`."""
    grown = hashes.copy()
    extended = word.view(np.int8).astype(np.int32).view(np.uint32)
    for offset in range(_LONGEST_LETTER):
        there = starts + offset < ends
        letters = extended[(starts + offset)[there]]
        grown[there] = (grown[there] ^ letters) * np.uint32(_FNV_PRIME)
    return grown


def _dot(rows: Single, vector: Single) -> Single:
    """One after the other, as fastText adds: np.dot's order depends on the processor."""
    return np.asarray(np.cumsum(rows * vector, axis=1, dtype=np.float32)[:, -1])


def _sigmoid(margins: Single) -> Single:
    """By fastText's table: 0 and 1 beyond its ends."""
    steps = (margins + np.float32(_SIGMOID_END)) * np.float32(_SIGMOID_STEPS / _SIGMOID_END / 2)
    places = np.clip(steps, 0, _SIGMOID_STEPS).astype(np.int64)
    at = places * (2 * _SIGMOID_END / _SIGMOID_STEPS) - _SIGMOID_END
    table = 1.0 / (1.0 + np.exp(-at))
    inside = np.where(margins < -_SIGMOID_END, 0.0, np.where(margins > _SIGMOID_END, 1.0, table))
    return inside.astype(np.float32)


def _tree_probabilities(file: FastTextFile, margins: Single) -> Single:
    """Of each label: the product of the choices on its way from the root (hierarchical softmax)."""
    count = len(file.labels)
    children = _huffman(file.label_counts)
    right = 1.0 / (1.0 + np.exp(-margins))
    scores = np.zeros(2 * count - 1, dtype=np.float32)
    for node in range(2 * count - 2, count - 1, -1):
        first, second = children[node - count]
        chance = right[node - count]
        scores[first] = scores[node] + np.log(np.float32(1.0) - chance + _LOG_FLOOR)
        scores[second] = scores[node] + np.log(chance + _LOG_FLOOR)
    return np.asarray(np.exp(scores[:count]), dtype=np.float32)


def _huffman(counts: Sequence[int]) -> list[tuple[int, int]]:
    """The two children of each inner node, the root last: the tree of `loss.cc`.

    Labels come most frequent first, so that the least of leaves and nodes are at two ends.
    """
    weights = [*counts, *[ENDLESS] * (len(counts) - 1)]
    leaf, node, children = len(counts) - 1, len(counts), []
    for parent in range(len(counts), 2 * len(counts) - 1):
        pair = []
        for _ in range(2):
            if leaf >= 0 and weights[leaf] < weights[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        weights[parent] = sum(weights[child] for child in pair)
        children.append((pair[0], pair[1]))
    return children
