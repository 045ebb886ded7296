"""Nearest words by their vectors: a file of GloVe's, or an encoder's own input embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pipeline.store.errors import SettingError
from trainer.data.vocabulary import Vocabulary
from trainer.models.encoder import Encoder

Floats = NDArray[np.float32]
#: Words that are read of a file, which has the frequent ones first (TinyBERT's
#: `data_augmentation.py`: 100,000).
_MOST_WORDS = 100_000


@dataclass(frozen=True)
class WordVectors:
    """Words, and their vectors of length 1: (words, width)."""

    words: tuple[str, ...]
    vectors: Floats

    def nearest(self, vector: Floats, count: int, but: str) -> list[str]:
        """The words most like a vector by cosine, the likest first, without `but`."""
        order = np.argsort(-(self.vectors @ vector), kind="stable")[: count + 1]
        return [self.words[n] for n in order if self.words[n] != but][:count]


class Neighbours:
    """What stands near a word: by a file's vectors, or as the mean of its pieces' embeddings."""

    def __init__(self, known: WordVectors, tokenizer: Tokenizer | None, pieces: Floats) -> None:
        """`tokenizer` and `pieces` (vocabulary, width) make vectors of words; None: the file's."""
        self._known, self._tokenizer, self._pieces = known, tokenizer, pieces
        self._places = {word: n for n, word in enumerate(known.words)}

    @classmethod
    def of_file(cls, path: str) -> Neighbours:
        """Lines of a word and its numbers.  Raises SettingError for a file that has others."""
        rows: dict[str, list[float]] = {}
        try:
            with Path(path).open(encoding="utf-8") as lines:
                for line in lines:
                    word, *numbers = line.rstrip("\n").split(" ")
                    rows.setdefault(word, [float(number) for number in numbers])
                    if len(rows) == _MOST_WORDS:
                        break
            vectors = np.array(list(rows.values()), np.float32)
            if vectors.ndim != 2 or not vectors.size:
                raise ValueError("it has no vectors")
        except (OSError, ValueError) as error:
            raise SettingError(
                f"--vectors {path}: {error}", "A line has a word and its numbers, with spaces"
            ) from None
        return cls(WordVectors(tuple(rows), _unit(vectors)), None, vectors)

    @classmethod
    def of_encoder(cls, encoder: Encoder, tokenizer: Tokenizer) -> Neighbours:
        """The whole words of its vocabulary."""
        vocabulary = Vocabulary.of(tokenizer)
        pieces = encoder.embeddings.tokens.weight.detach().float().cpu().numpy()
        whole = whole_words(tokenizer, vocabulary)
        vectors = _unit(pieces[list(whole)])
        return cls(WordVectors(tuple(whole.values()), vectors), tokenizer, pieces)

    def __call__(self, word: str, count: int) -> list[str]:
        """The nearest `count` words; none of a word that has no vector."""
        if self._tokenizer is not None:
            ids = self._tokenizer.encode(word, add_special_tokens=False).ids
            vector = self._pieces[ids].mean(0)
        elif word.lower() in self._places:
            vector = self._pieces[self._places[word.lower()]]
        else:
            return []
        return self._known.nearest(vector, count, word.lower())


def whole_words(tokenizer: Tokenizer, vocabulary: Vocabulary) -> dict[int, str]:
    """Tokens that are a word of letters each, by their ids."""
    begin = (n for n in range(vocabulary.size) if vocabulary.starts[n])
    texts = {n: tokenizer.decode([n]).strip() for n in begin if n not in vocabulary.special}
    return {n: text for n, text in texts.items() if text.isalpha()}


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: Floats = vectors / np.maximum(lengths, 1e-12)
    return units
