"""Choosing runs of whole words to mask, for all rows of a batch at once.

google-research/albert walks over the words in random order.  At each it draws a length n of 1
to 3 words with chance proportional to 1/n (among lengths that the text still has), takes a
shorter run where the budget of tokens would be exceeded, and passes on where a token is
covered already.  Passing on changes nothing, so the next word to be taken is the first, in that
order and after the last one taken, that still fits: one step of this loop is one word
taken, and as many steps as there are tokens to mask are enough.
"""

from __future__ import annotations

from itertools import accumulate

import torch
from torch import Tensor
from torch.nn import functional


def choose_ngrams(
    candidates: Tensor,
    first: Tensor,
    wanted: Tensor,
    order: Tensor,
    draws: Tensor,
    ngrams: int,
    most: int,
    across: bool,
) -> Tensor:
    """Which tokens are masked: bool (batch, positions), at most `wanted` (batch) in a row.

    `candidates`: tokens that are text.  `first`: those of them that begin a word.  `order`
    and `draws` are uniform in (0, 1), both (batch, positions).  `across` lets a run go on
    behind a token that is no text ([SEP]); otherwise it stays in its segment.
    """
    length = lengths_drawn(candidates, first, draws, ngrams, across)
    ends = _ends(first, ngrams)
    before = _running(candidates)
    start = torch.arange(candidates.shape[1], device=candidates.device).expand_as(length)
    sizes = torch.stack([before.gather(1, e) for e in ends[1:]], 2) - before[:, :-1, None]
    allowed = torch.arange(1, ngrams + 1, device=candidates.device) <= length[..., None]
    all_ends = torch.stack(ends, 2)
    chosen = torch.zeros_like(candidates)
    left, reached = wanted, torch.full_like(order[:, 0], -1.0)
    for _ in range(most):
        words = (allowed & (sizes <= left[:, None, None])).sum(2)
        end = all_ends.gather(2, words[..., None])[..., 0]
        covered = _running(chosen)
        free = covered.gather(1, end) == covered[:, :-1]
        fits = first & (words > 0) & free & (order > reached[:, None])
        when, where = order.masked_fill(~fits, 2.0).min(1, keepdim=True)
        found = when < 1.5
        run = (start >= where) & (start < end.gather(1, where)) & candidates & found
        chosen = chosen | run
        left = left - run.sum(1)
        reached = torch.where(found, when, reached[:, None])[:, 0]
    return chosen


def lengths_drawn(
    candidates: Tensor, first: Tensor, draws: Tensor, ngrams: int, across: bool
) -> Tensor:
    """The run of words, 1 to `ngrams`, that would begin at each position: int64 (batch, positions).

    The chance of n is 1/n over the sum of 1/m for all m that the text still has.
    """
    words = _running(first)
    if across:
        here = words[:, -1:] - words[:, :-1]
    else:
        here = words.gather(1, _next(~candidates)) - words[:, :-1]
    sums = torch.tensor(list(accumulate(1 / n for n in range(1, ngrams + 1))), device=draws.device)
    limit = here.clamp(1, ngrams)
    point = draws * sums[limit - 1]
    below = (point[..., None] >= sums[:-1]) if ngrams > 1 else point.new_zeros(*point.shape, 0)
    return torch.minimum(1 + below.sum(-1), limit)


def _running(marks: Tensor) -> Tensor:
    """How many marks lie before each position, and in all: int64 (batch, positions + 1)."""
    return functional.pad(marks.long().cumsum(1), (1, 0))


def _next(marks: Tensor) -> Tensor:
    """The next marked position behind each one, `positions` where none is: int64."""
    count = marks.shape[1]
    position = torch.arange(count, device=marks.device).expand_as(marks)
    places = torch.where(marks, position, count).flip(1).cummin(1).values.flip(1)
    return functional.pad(places[:, 1:], (0, 1), value=count)


def _ends(first: Tensor, ngrams: int) -> list[Tensor]:
    """Where runs of 0 to `ngrams` words end that begin at each position, exclusive."""
    count = first.shape[1]
    following = functional.pad(_next(first), (0, 1), value=count)
    ends = [torch.arange(count, device=first.device).expand_as(first)]
    for _ in range(ngrams):
        ends.append(following.gather(1, ends[-1]))
    return ends
