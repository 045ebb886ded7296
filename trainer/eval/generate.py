"""Generation: a token at a time, with the keys and values of what was there before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.errors import SettingError
from trainer.models.attention import Cache
from trainer.models.gpt import GPT


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen.  `temperature` 0 takes the likeliest."""

    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise SettingError(f"--temperature {self.temperature} is below 0", "Give 0 or more")
        if self.top_k < 0:
            raise SettingError(f"--top-k {self.top_k} is below 0", "Give 0 for all, or more")
        if not 0 < self.top_p <= 1:
            raise SettingError(f"--top-p {self.top_p} is not in (0, 1]", "Give 1 for all, or less")


def choose(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> Tensor:
    """Logits (batch, vocab) -> one token each (batch)."""
    if sampling.temperature == 0:
        return logits.argmax(dim=1)
    logits = logits.float().cpu() / sampling.temperature
    if 0 < sampling.top_k < logits.shape[1]:
        least = logits.topk(sampling.top_k, dim=1).values[:, -1:]
        logits = logits.masked_fill(logits < least, float("-inf"))
    if sampling.top_p < 1:
        ordered, places = logits.sort(dim=1, descending=True)
        shares = ordered.softmax(dim=1)
        # A token goes when those before it already reach top_p; the first one never does.
        beyond = shares.cumsum(dim=1) - shares >= sampling.top_p
        ordered = ordered.masked_fill(beyond, float("-inf"))
        logits = torch.full_like(logits, float("-inf")).scatter(1, places, ordered)
    return torch.multinomial(logits.softmax(dim=1), 1, generator=generator)[:, 0]


@torch.no_grad()
def generate(
    model: GPT, prompt: Tensor, new: int, sampling: Sampling, end: int | None = None
) -> Iterator[Tensor]:
    """Continues `prompt` (batch, positions) by up to `new` tokens, a column (batch) at a time.

    Rows that have produced `end` go on with `end`; when all have, it stops.  Beyond the
    context the oldest half is dropped and the rest is read again.
    Raises SettingError for an empty prompt.
    """
    if prompt.shape[1] == 0:
        raise SettingError("The prompt has no tokens", "Give --prompt some text")
    context = model.settings.context
    generator = torch.Generator().manual_seed(sampling.seed)
    ids, cache = prompt[:, -context:], Cache()
    hidden = model(ids, cache=cache)
    ended = torch.zeros(ids.shape[0], dtype=torch.bool, device=ids.device)
    for _ in range(new):
        token = choose(model.logits(hidden[:, -1]), sampling, generator).to(ids.device)
        if end is not None:
            token = torch.where(ended, end, token)
            ended |= token == end
        yield token
        if end is not None and bool(ended.all()):
            return
        ids = torch.cat([ids, token[:, None]], dim=1)
        if cache.length == context:
            ids, cache = ids[:, -(context // 2 + 1) :], Cache()
            hidden = model(ids, cache=cache)
        else:
            hidden = model(token[:, None], cache=cache)
