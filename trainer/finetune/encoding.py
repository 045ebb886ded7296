"""Examples as inputs of an encoder: [CLS] first [SEP] second [SEP]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from trainer.data.vocabulary import Vocabulary
from trainer.finetune.examples import Example

#: Share of a window of a long text that the next one has too (google-research/bert
#: `run_squad.py`: a stride of 128 tokens, windows of 384).
_OVERLAP = 1 / 3


@dataclass(frozen=True)
class Input:
    """One sequence of ids.  `cut`: where its second segment begins.

    `characters`: of a window of a text, first and last character + 1 of what each id stands for,
    int32 (ids, 2); -1 where it stands for none.
    """

    ids: list[int]
    cut: int
    characters: NDArray[np.int32] | None = None


@dataclass(frozen=True)
class Encoding:
    """What turns texts into inputs of at most `context` ids."""

    tokenizer: Tokenizer
    vocabulary: Vocabulary
    context: int

    @classmethod
    def of(cls, tokenizer: Tokenizer, context: int) -> Encoding:
        """Raises SettingError for a tokenizer without [CLS], [SEP] or [PAD]."""
        return cls(tokenizer, Vocabulary.of(tokenizer), context)

    def pair(self, first: str, second: str) -> Input:
        """One text or two; of what is too long the longer one is cut at its end."""
        one, other = (
            self.tokenizer.encode(text, add_special_tokens=False).ids for text in (first, second)
        )
        room = self.context - (3 if other else 2)
        while len(one) + len(other) > room:
            max(one, other, key=len).pop()
        head = [self.vocabulary.cls, *one, self.vocabulary.sep]
        return Input(head + ([*other, self.vocabulary.sep] if other else []), len(head))

    def windows(self, question: str, text: str) -> Iterator[Input]:
        """The question with each window of the text, which has at least half of the room."""
        question_ids = self.tokenizer.encode(question, add_special_tokens=False).ids
        encoded = self.tokenizer.encode(text, add_special_tokens=False)
        head = [self.vocabulary.cls, *question_ids[: (self.context - 3) // 2], self.vocabulary.sep]
        room = self.context - len(head) - 1
        step = max(1, room - int(room * _OVERLAP))
        for start in range(0, max(len(encoded.ids) - room, 0) + step, step):
            part = slice(start, start + room)
            ids = [*head, *encoded.ids[part], self.vocabulary.sep]
            characters = np.full((len(ids), 2), -1, np.int32)
            characters[len(head) : -1] = np.array(encoded.offsets[part]).reshape(-1, 2)
            yield Input(ids, len(head), characters)

    def batch(self, inputs: Sequence[Input], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Ids, segment types and mask, all (inputs, longest)."""
        longest = max(len(one.ids) for one in inputs)
        ids = torch.full((len(inputs), longest), self.vocabulary.pad)
        for row, one in zip(ids, inputs, strict=True):
            row[: len(one.ids)] = torch.tensor(one.ids)
        position = torch.arange(longest)
        mask = position < torch.tensor([[len(one.ids)] for one in inputs])
        types = ((position >= torch.tensor([[one.cut] for one in inputs])) & mask).long()
        return ids.to(device), types.to(device), mask.to(device)


def encode_example(example: Example, encoding: Encoding, spans: bool) -> list[Input]:
    """The inputs of an example: one, or one for each choice, or for each window of its text."""
    if example.choices:
        return [encoding.pair(before, choice) for before, choice in example.choices]
    if spans:
        return list(encoding.windows(example.first, example.second))
    return [encoding.pair(example.first, example.second)]
