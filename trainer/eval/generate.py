"""Generation: a token at a time, with the keys and values of what was there before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.store.errors import SettingError
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


def choose(logits: Tensor, sampling: Sampling, generators: Sequence[torch.Generator]) -> list[int]:
    """Logits (batch, vocab) -> one token a row, each drawn from its own generator."""
    if sampling.temperature == 0:
        return [int(token) for token in logits.argmax(dim=1)]
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
    pairs = zip(logits.softmax(dim=1), generators, strict=True)
    return [int(torch.multinomial(row, 1, generator=generator)) for row, generator in pairs]


@torch.no_grad()
def generate(
    model: GPT,
    prompts: Sequence[Sequence[int]],
    new: int,
    sampling: Sampling,
    end: int | None = None,
    seeds: Sequence[int] | None = None,
) -> Iterator[dict[int, int]]:
    """Continues each prompt by up to `new` tokens; yields the new tokens by prompt, step by step.

    Prompts of unlike lengths go through the model together and without padding: all are read
    up to the length of the shortest, and a longer one then takes its own next token where
    another's is drawn.  Each has a random generator of its own, of its seed in `seeds`
    (default: `sampling.seed` for all), so its text does not depend on those beside it.
    A text stops at `end`.  Beyond the context the oldest half is dropped and the rest is read
    again.  Raises SettingError for an empty prompt.
    """
    if not all(prompts):
        raise SettingError("The prompt has no tokens", "Give --prompt some text")
    context = model.settings.context
    texts = [list(prompt[-context:]) for prompt in prompts]
    limits = [len(text) + new for text in texts]
    keys = [sampling.seed] * len(texts) if seeds is None else seeds
    generators = [torch.Generator().manual_seed(key) for key in keys]
    going = set(range(len(texts)))
    start, length, cache = 0, min(map(len, texts)), Cache()
    while True:
        hidden = model(_columns(model, texts, start, length), cache=cache)
        ready = [n for n in sorted(going) if len(texts[n]) == length]
        if ready:
            logits = model.logits(hidden[ready, -1])
            drawn = choose(logits, sampling, [generators[n] for n in ready])
            for n, token in zip(ready, drawn, strict=True):
                texts[n].append(token)
                if token == end or len(texts[n]) == limits[n]:
                    going.remove(n)
            yield dict(zip(ready, drawn, strict=True))
        if not going:
            return
        start, length = length, length + 1
        if cache.length == context:
            start, cache = length - (context // 2 + 1), Cache()


def _columns(model: GPT, texts: list[list[int]], start: int, stop: int) -> Tensor:
    """Tokens `start` to `stop` of each text; one that has ended goes on with its last token."""
    rows = [(text + text[-1:] * (stop - len(text)))[start:stop] for text in texts]
    return torch.tensor(rows, device=model.tokens.weight.device)
