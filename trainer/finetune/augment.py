"""Texts with other words in them, for a student that learns from its teacher (Jiao et al. 2020).

The paper's algorithm 1: a word of one piece may become one of those that a masked language model
finds likeliest in its place, a word of several one of its nearest neighbours; each is replaced
with chance `chance`, in each of `copies` copies.  15 candidates a word, 0.4 and 20.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from tokenizers import Tokenizer

from pipeline.store.errors import SettingError
from trainer.data.seeds import seed_for
from trainer.finetune.encoding import Encoding, Input
from trainer.finetune.examples import Example
from trainer.finetune.vectors import Neighbours, whole_words
from trainer.models.encoder import Encoder
from trainer.models.parts import Parts

_WORD = re.compile(r"[^\W\d_]+")
_BATCH = 64  # masked texts in a forward pass


@dataclass(frozen=True)
class Augmentation:
    """How many texts are made of one, how, and by what."""

    copies: int = 20
    chance: float = 0.4
    candidates: int = 15
    seed: int = 1
    #: A masked language model, and a file of vectors (None: the teacher's embeddings).
    model: str = ""
    vectors: str | None = None


@dataclass(frozen=True)
class _Word:
    """A word, where it stands in its text, and its place among the ids; -1 where it has several."""

    text: str
    start: int
    end: int
    place: int


class Augmenter:
    """Makes texts of texts by a masked language model and neighbours of words."""

    def __init__(
        self,
        parts: Parts[Encoder],
        tokenizer: Tokenizer,
        neighbours: Neighbours,
        settings: Augmentation,
    ) -> None:
        """Raises SettingError for a model without a head for masked tokens."""
        if parts.masked is None:
            raise SettingError(
                "The model that finds other words has no head for masked tokens",
                "Name one with --masked-model: a run of BERT, or its folder",
            )
        self._model, self._head = parts.model.eval(), parts.masked.eval()
        self._encoding = Encoding.of(tokenizer, parts.model.settings.context)
        self._neighbours, self.settings = neighbours, settings
        self._whole = whole_words(tokenizer, self._encoding.vocabulary)

    def examples(self, examples: Sequence[Example]) -> Iterator[Example]:
        """Each example, then its copies with other words, without those that are there already.

        The labels stay: a student takes what its teacher says of the new text.
        """
        for number, example in enumerate(examples):
            yield example
            texts = example.first, example.second
            candidates = [self.candidates(text) for text in texts]
            key = seed_for(self.settings.seed, "augment", str(number)) % (1 << 64)
            generator = np.random.Generator(np.random.Philox(key=key))
            done = {texts}
            for _ in range(self.settings.copies):
                both = zip(texts, candidates, strict=True)
                first, second = (self._replaced(*one, generator) for one in both)
                if (first, second) not in done:
                    done.add((first, second))
                    yield replace(example, first=first, second=second)

    def candidates(self, text: str) -> list[tuple[int, int, list[str]]]:
        """First character, last + 1, and what may stand there instead, of each word of a text."""
        words = self._words(text)
        single = [word for word in words if word.place >= 0]
        likely = dict(zip(single, self._likely(text, single), strict=True))
        count = self.settings.candidates
        found = []
        for word in words:
            others = likely[word] if word in likely else self._neighbours(word.text, count)
            if word.text.istitle():
                others = [other.capitalize() for other in others]
            if others:
                found.append((word.start, word.end, others))
        return found

    def _words(self, text: str) -> list[_Word]:
        """The words of a text that are read whole."""
        encoded = self._encoding.tokenizer.encode(text, add_special_tokens=False)
        offsets = encoded.offsets[: self._encoding.context - 2]
        words = []
        for match in _WORD.finditer(text):
            start, end = match.span()
            inside = [n for n, (a, b) in enumerate(offsets) if a < end and b > start]
            if inside:
                alone = len(inside) == 1 and encoded.ids[inside[0]] in self._whole
                words.append(_Word(match[0], start, end, inside[0] + 1 if alone else -1))
        return words

    @torch.no_grad()
    def _likely(self, text: str, words: Sequence[_Word]) -> Iterator[list[str]]:
        """The likeliest whole words in the place of each word, itself left out."""
        device = self._head.bias.device
        ids = self._encoding.pair(text, "").ids
        whole = torch.tensor(list(self._whole), device=device)
        for start in range(0, len(words), _BATCH):
            some = words[start : start + _BATCH]
            masked = [Input([*ids], len(ids)) for _ in some]
            for one, word in zip(masked, some, strict=True):
                one.ids[word.place] = self._encoding.vocabulary.mask
            batch, types, mask = self._encoding.batch(masked, device)
            states = self._model(batch, types, self._model.layout(mask))
            places = torch.tensor([word.place for word in some], device=device)
            rows = torch.arange(len(some), device=device)
            logits = self._head(states[rows, places], self._model.embeddings)[:, whole]
            count = min(self.settings.candidates + 1, len(whole))
            for word, best in zip(some, logits.topk(count).indices.tolist(), strict=True):
                texts = [self._whole[int(whole[n])] for n in best]
                kept = [other for other in texts if other.lower() != word.text.lower()]
                yield kept[: self.settings.candidates]

    def _replaced(
        self,
        text: str,
        candidates: Sequence[tuple[int, int, list[str]]],
        generator: np.random.Generator,
    ) -> str:
        pieces, done = [], 0
        for start, end, others in candidates:
            if generator.random() < self.settings.chance:
                pieces += [text[done:start], others[int(generator.integers(len(others)))]]
                done = end
        return "".join([*pieces, text[done:]])
