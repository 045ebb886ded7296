"""Weights of words by logistic regression: of the names of elements, and of short texts."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.documents.blocks.layout import Layout
from pipeline.documents.blocks.lexicon import WordWeights, telling_words
from pipeline.documents.blocks.names import words as name_words

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

#: A word must stand on pages of so many domains.
_NAME_DOMAINS, _TEXT_DOMAINS = 6, 12
#: More copies of a word around one block add nothing.
_MOST_TIMES = 3
#: What 1 of the logarithm of the odds is worth, and the most that one word may say.
_SCALE, _MOST = 50, 127
_ROUNDS, _DECAY = 8, 4e-6
#: A block counts at most so many times the mean: one page must not outweigh others.
_HEAVIEST = 20.0
#: Where a name stands: on the block's own element, on one of the two around it, further out.
_OWN, _NEAR, _FAR = range(3)
_PLACES = 3


class Words:
    """The words around the blocks of all examples, in their order, as numbers."""

    def __init__(self) -> None:
        self._names = _WordRows()
        self._texts = _WordRows()

    def add(self, layout: Layout, domain: str) -> None:
        """Adds the blocks of a page."""
        numbers = [self._names.numbers(name_words(names), domain) for names in layout.names]
        for owner, text in zip(layout.owner, layout.text, strict=True):
            self._names.row(_around(layout.parent, numbers, owner))
            self._texts.row(self._texts.numbers(telling_words(text), domain))

    def matrices(self) -> Matrices:
        """The words that are common enough, as columns of two matrices."""
        names, by_name = self._names.matrix(_NAME_DOMAINS, _PLACES)
        texts, by_text = self._texts.matrix(_TEXT_DOMAINS, 1)
        return Matrices(names, texts, by_name, by_text)


class _WordRows:
    """Rows of words; a word is a number, and may stand in one of several places."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._domains: list[set[str]] = []
        self._listed = array("i")
        self._starts = array("q", [0])

    def numbers(self, listed: Iterable[str], domain: str) -> list[int]:
        """Words as numbers; notes that they stand on a page of a domain."""
        numbers = []
        for word in listed:
            number = self._numbers.setdefault(word, len(self._domains))
            if number == len(self._domains):
                self._domains.append(set())
            self._domains[number].add(domain)
            numbers.append(number)
        return numbers

    def row(self, numbers: Iterable[int]) -> None:
        """Adds a row: word times places + place, each."""
        self._listed.extend(numbers)
        self._starts.append(len(self._listed))

    def matrix(self, least: int, places: int) -> tuple[list[str], Any]:
        """Words of `least` domains in the order of the alphabet, and a sparse matrix of counts."""
        sparse = import_module("scipy.sparse")
        enough = [len(domains) >= least for domains in self._domains]
        words = sorted(word for word, number in self._numbers.items() if enough[number])
        column = np.full(len(enough), -1, dtype=np.int64)
        for place, word in enumerate(words):
            column[self._numbers[word]] = place
        found = np.frombuffer(self._listed, dtype=np.int32).astype(np.int64)
        columns = column[found // places] * places + found % places
        known = column[found // places] >= 0
        kept = np.concatenate([[0], np.cumsum(known)])[np.array(self._starts)]
        shape = (len(kept) - 1, len(words) * places)
        ones = np.ones(int(known.sum()), dtype=np.float32)
        matrix = sparse.csr_matrix((ones, columns[known], kept), shape)
        matrix.sum_duplicates()
        matrix.data = np.minimum(matrix.data, _MOST_TIMES)
        return words, matrix


class Matrices:
    """Two sparse matrices, a row a block: words of names by where they stand, words of texts."""

    def __init__(self, names: list[str], texts: list[str], by_name: Any, by_text: Any) -> None:
        self._names, self._texts = names, texts
        self._by_name, self._by_text = by_name, by_text

    def fit(self, rows: Rows, labels: Floats, weights: Floats) -> WordWeights:
        """The weights that tell best the labels of some rows; both are of these rows alone."""
        names = _regression(self._by_name[rows], labels, weights)
        texts = _regression(self._by_text[rows], labels, weights)
        placed = names.reshape(-1, _PLACES).tolist()
        return WordWeights(
            {
                word: (own, near, far)
                for word, (own, near, far) in zip(self._names, placed, strict=True)
                if own or near or far
            },
            {
                word: weight
                for word, weight in zip(self._texts, texts.tolist(), strict=True)
                if weight
            },
        )


def _around(parent: Sequence[int], words_of: list[list[int]], owner: int) -> Iterable[int]:
    """The words of an element and of all that it lies in, each with where it stands."""
    element, steps = owner, 0
    while element >= 0:
        place = _OWN if steps == 0 else _NEAR if steps < _PLACES else _FAR
        for number in words_of[element]:
            yield number * _PLACES + place
        element, steps = parent[element], steps + 1


def _regression(rows: Any, labels: Floats, weights: Floats) -> Rows:
    """Rounded weights of columns.  A label between 0 and 1 counts as both, in its shares."""
    linear, sparse = import_module("sklearn.linear_model"), import_module("scipy.sparse")
    weights = np.minimum(weights / weights.mean(), _HEAVIEST)
    both = np.concatenate([weights * labels, weights * (1.0 - labels)])
    answers = np.repeat([1, 0], len(labels))
    known = np.flatnonzero(both > 0)
    model = linear.SGDClassifier(
        "log_loss", alpha=_DECAY, max_iter=_ROUNDS, tol=None, average=True, random_state=0
    )
    doubled = sparse.vstack([rows, rows], format="csr")[known]
    model.fit(doubled, answers[known], sample_weight=both[known])
    rounded: Rows = np.rint(model.coef_[0] * _SCALE).astype(np.int64)
    return np.clip(rounded, -_MOST, _MOST)
