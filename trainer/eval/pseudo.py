"""Sentences by an encoder: pseudo-likelihood, or what ELECTRA's discriminator makes of them.

Salazar et al. 2020, "Masked Language Model Scoring": the sum of each token's log-likelihood with
that token alone masked.  The discriminator reads the sentence once, and the sum of its
log-likelihoods that the tokens are original ranks sentences.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from pipeline.store.errors import SettingError
from trainer.data.vocabulary import Vocabulary
from trainer.eval.accuracy import accuracies
from trainer.eval.deal import dealt
from trainer.eval.task import Item
from trainer.models.encoder import Encoder
from trainer.models.layout import BatchLayout
from trainer.models.parts import Parts
from trainer.run.distributed import World

_BATCH = 64  # sentences in a forward pass


@torch.no_grad()
def sentence_scores(
    parts: Parts[Encoder], tokenizer: Tokenizer, sentences: Sequence[str], world: World
) -> Tensor:
    """The score of each sentence in nats: float64 (sentences).

    Passes are shared among the processes (`trainer.eval.deal`).
    """
    vocabulary = Vocabulary.of(tokenizer)
    room = parts.model.settings.context - 2
    rows = []
    for encoding in tokenizer.encode_batch(list(sentences), add_special_tokens=False):
        rows.append([vocabulary.cls, *encoding.ids[:room], vocabulary.sep])
    queries: list[tuple[int, int | None]] = [(n, None) for n in range(len(rows))]
    if parts.replaced is None:
        queries = [(n, place) for n, row in enumerate(rows) for place in range(1, len(row) - 1)]
    queries.sort(key=lambda one: len(rows[one[0]]))
    found = dealt(
        len(queries),
        _BATCH,
        1,
        lambda some: _scored(
            parts, vocabulary, [(rows[queries[n][0]], queries[n][1]) for n in some], world.device
        ),
        world,
    )
    of_sentence = torch.tensor([n for n, _ in queries])
    scores = torch.zeros(len(rows), dtype=torch.float64)
    return scores.index_add_(0, of_sentence, found[:, 0])


def _scored(
    parts: Parts[Encoder],
    vocabulary: Vocabulary,
    queries: Sequence[tuple[list[int], int | None]],
    device: torch.device,
) -> Tensor:
    """One number a row, (rows, 1): of its masked place, or of all its tokens without one."""
    longest = max(len(row) for row, _ in queries)
    ids = torch.full((len(queries), longest), vocabulary.pad)
    for n, (row, _) in enumerate(queries):
        ids[n, : len(row)] = torch.tensor(row)
    lengths = torch.tensor([len(row) for row, _ in queries])
    ids, mask = ids.to(device), (torch.arange(longest) < lengths[:, None]).to(device)
    types, layout = torch.zeros_like(ids), BatchLayout.of(mask, unpad=False)
    if parts.replaced is not None:
        replaced = parts.replaced(parts.model(ids, types, layout))
        position = torch.arange(longest, device=device)
        text = (position > 0) & (position < lengths.to(device)[:, None] - 1)
        return (functional.logsigmoid(-replaced) * text).sum(1, keepdim=True)
    assert parts.masked is not None
    number = torch.arange(len(queries), device=device)
    positions = torch.tensor([p for _, p in queries], device=device)
    targets = ids[number, positions]
    masked = ids.clone()
    masked[number, positions] = vocabulary.mask
    states = parts.model(masked, types, layout)[number, positions]
    logits: Tensor = parts.masked(states, parts.model.embeddings)
    return logits.log_softmax(1).gather(1, targets[:, None])


def judge_pairs(
    parts: Parts[Encoder], tokenizer: Tokenizer, items: Sequence[Item], world: World
) -> dict[str, float]:
    """Accuracy over all items and of each group; SettingError for items that have a context."""
    if any(item.context or item.contexts or len(item.choices) < 2 for item in items):
        raise SettingError("An encoder judges whole sentences only", "Give --task blimp")
    sentences = [choice for item in items for choice in item.choices]
    scores = sentence_scores(parts, tokenizer, sentences, world)
    right = []
    start = 0
    for item in items:
        right.append(int(scores[start : start + len(item.choices)].argmax()) == item.answer)
        start += len(item.choices)
    return accuracies(items, right)
