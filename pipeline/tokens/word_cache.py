"""Encodes text word by word; a word that was met before is looked up.

A corpus repeats its words: of the million in 6 MB of English books, 91,000 differ.  Here a
text is cut into words, each with the white space before it; what is known is looked up, and
the rest is encoded in one batch.

That gives the tokens of the whole sentence where nothing that a tokenizer does reaches
across the place before white space.  It is known of those that this project trains
(`goes_by_words`); with any other one, sentences are encoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, normalizers, pre_tokenizers

from pipeline.tokens import unigram

#: A word begins at one of the four characters that are white space to every tokenizer, where
#: no white space of any kind stands before.  (BERT drops \v and \x85, which are white space to
#: GPT-2; \x1c is some to Python alone.)
_WORD = re.compile(r"\s*\S+(?:[^\S \t\n\r]\s*\S+)*|\s+")
_TOGETHER = 500  # words that the library takes at once
#: Bytes that known words may take, after which all are forgotten: some 250,000 of them.
_ROOM = 64_000_000
_OVERHEAD = 200  # bytes of a word's string, tokens and place in the table, but for its characters

#: What they do to text, and how they cut it, by GPT-2, ALBERT and BERT (uncased and cased).
_BY_WORDS = (
    (None, pre_tokenizers.ByteLevel(add_prefix_space=False)),
    (unigram.normalizer(), unigram.pre_tokenizer()),
    (normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()),
    (normalizers.BertNormalizer(lowercase=False), pre_tokenizers.BertPreTokenizer()),
)


def goes_by_words(tokenizer: Tokenizer) -> bool:
    """Whether its tokens of a sentence are those of the words of the sentence."""
    if any(not token.special for token in tokenizer.get_added_tokens_decoder().values()):
        return False  # one may have white space in it
    how = _state(tokenizer.normalizer), _state(tokenizer.pre_tokenizer)
    return how in [(_state(normal), _state(cut)) for normal, cut in _BY_WORDS]


def _state(component: Any) -> object:
    """What `tokenizer.json` says of a component."""
    return None if component is None else component.__getstate__()


class KnownWords:
    """The tokens of words, remembered.  For a tokenizer that goes by words, for several threads."""

    def __init__(self, tokenizer: Tokenizer, dtype: np.dtype[Any]) -> None:
        self._tokenizer, self._dtype = tokenizer, dtype
        self._cache: dict[str, bytes] = {}
        self._room, self._lock = _ROOM, Lock()

    def encode(
        self, documents: Iterable[Sequence[str]]
    ) -> Iterator[tuple[bytes, NDArray[np.int32]]]:
        """Of each document, given as sentences: its tokens, and how many each sentence has."""
        words = [[_WORD.findall(sentence) for sentence in document] for document in documents]
        token_of = self._look_up(set(chain.from_iterable(chain.from_iterable(words))))
        for document in words:
            pieces = [b"".join(map(token_of.__getitem__, sentence)) for sentence in document]
            sizes = np.fromiter(map(len, pieces), np.int32, len(pieces))
            yield b"".join(pieces), sizes // self._dtype.itemsize

    def _look_up(self, words: set[str]) -> dict[str, bytes]:
        """A table with the tokens of these words, and of others."""
        cache = self._cache
        new = list(words - cache.keys())
        cache.update(zip(new, self._encode(new), strict=True))
        with self._lock:
            self._room -= sum(map(len, new)) + _OVERHEAD * len(new)
            if self._room < 0:
                self._cache, self._room = {}, _ROOM
        return cache

    def _encode(self, words: list[str]) -> Iterator[bytes]:
        groups = [words[i : i + _TOGETHER] for i in range(0, len(words), _TOGETHER)]
        encodings = self._tokenizer.encode_batch(
            groups, is_pretokenized=True, add_special_tokens=False
        )
        size = self._dtype.itemsize
        for group, encoding in zip(groups, encodings, strict=True):
            data = np.array(encoding.ids, self._dtype).tobytes()
            owners = np.array(encoding.word_ids, np.int64)
            bounds = np.searchsorted(owners, np.arange(len(group) + 1)) * size
            yield from (data[start:stop] for start, stop in pairwise(bounds.tolist()))
