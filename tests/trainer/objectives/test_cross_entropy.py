from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from trainer.objectives.cross_entropy import (
    IGNORED,
    Draws,
    cross_entropy_and_tokens,
    cross_entropy_sum,
)


def case() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(50, 16, generator=generator)
    head = torch.randn(40, 16, generator=generator)
    targets = torch.randint(0, 33, (50,), generator=generator)
    targets[::7] = IGNORED
    return hidden.requires_grad_(), head.requires_grad_(), targets


def plain(hidden: torch.Tensor, head: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Without the padding rows at all."""
    logits = hidden @ head[:33].T
    return functional.cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum")


@pytest.mark.parametrize("chunk", [0, 1, 7, 49, 50, 51])
def test_value_and_gradients_are_the_plain_ones(chunk: int) -> None:
    hidden, head, targets = case()
    wanted = plain(hidden, head, targets)
    want = torch.autograd.grad(wanted * 0.3, (hidden, head))
    loss = cross_entropy_sum(hidden, head, targets, 33, chunk)
    got = torch.autograd.grad(loss * 0.3, (hidden, head))
    torch.testing.assert_close(loss, wanted)
    for mine, theirs in zip(got, want, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-5)
    assert (got[1][33:] == 0).all(), "padding rows must get no gradient"


@pytest.mark.parametrize("chunk", [0, 7, 50])
def test_a_bias_has_its_gradient_and_tokens_are_drawn_from_the_same_logits(chunk: int) -> None:
    hidden, head, targets = case()
    bias = torch.randn(40, generator=torch.Generator().manual_seed(1)).requires_grad_()
    numbers = torch.rand(50, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    logits = (hidden @ head.T + bias)[:, :33]
    wanted = functional.cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum")
    want = torch.autograd.grad(wanted, (hidden, head, bias))
    for temperature in (1.0, 0.5):
        draws = Draws(numbers, temperature)
        loss, tokens = cross_entropy_and_tokens(hidden, head, bias, targets, 33, chunk, draws)
        shares = (logits.detach().double() / temperature).softmax(-1)
        assert (tokens == (shares.cumsum(-1) <= numbers[:, None]).sum(-1)).all()
    got = torch.autograd.grad(loss, (hidden, head, bias))
    torch.testing.assert_close(loss, wanted)
    for mine, theirs in zip(got, want, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-5)


def test_chunks_in_bf16_are_near_the_plain_ones() -> None:
    hidden, head, targets = case()
    with torch.autocast("cpu", torch.bfloat16):
        loss = cross_entropy_sum(hidden, head, targets, 33, 8)
    mine = torch.autograd.grad(loss, (hidden, head))
    theirs = torch.autograd.grad(plain(hidden, head, targets), (hidden, head))
    for a, b in zip(mine, theirs, strict=True):
        assert (a - b).norm() < 0.02 * b.norm()


def test_without_gradients_the_value_is_the_same() -> None:
    hidden, head, targets = case()
    with torch.no_grad():
        assert cross_entropy_sum(hidden, head, targets, 33, 7) == pytest.approx(
            float(plain(hidden, head, targets)), rel=1e-5
        )


def test_a_batch_of_padding_counts_nothing() -> None:
    hidden, head, _ = case()
    loss = cross_entropy_sum(hidden, head, torch.full((50,), IGNORED), 33, 8)
    loss.backward()
    assert loss == 0 and hidden.grad is not None and (hidden.grad == 0).all()
