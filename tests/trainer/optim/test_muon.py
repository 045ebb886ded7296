"""Muon beside torch's own, and what it does that torch's does not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainer.optim import build_optimizers
from trainer.optim.groups import stacked_rows
from trainer.optim.orthogonal import newton_schulz
from trainer.settings.recipe import OptimSettings


class Projection(nn.Module):
    """A joint projection of query, key and value, two of a head's width shared."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 16, bias=False)
        self.stacked = {"qkv.weight": (8, 4, 4)}


class Net(nn.Module):
    def __init__(self, *blocks: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(2, 12, 16), (3, 8, 32), (1, 32, 8)])
def test_singular_values_come_near_one(shape: tuple[int, ...]) -> None:
    values = torch.linalg.svdvals(newton_schulz(drawn(*shape)))
    assert values.min() > 0.5 and values.max() < 1.3


@pytest.mark.parametrize("shape", [(12, 12), (8, 20), (20, 8)])
def test_steps_are_those_of_torch(shape: tuple[int, int]) -> None:
    """torch's iteration is in bf16, ours on a CPU in fp32: a step differs by that."""
    net = Net(nn.Linear(shape[1], shape[0], bias=False))
    theirs = nn.Parameter(net.blocks[0].weight.detach().clone())
    settings = OptimSettings.checked(
        {"name": "muon", "weight_decay": 0.1, "muon": {"lr": 0.02, "momentum": 0.9}}, "test"
    )
    muon = build_optimizers(net, settings)[-1]
    reference = torch.optim.Muon(
        [theirs], lr=0.02, weight_decay=0.1, momentum=0.9, adjust_lr_fn="original"
    )
    for step in range(5):
        before = theirs.detach().clone()
        gradient = drawn(*shape, seed=step)
        net.blocks[0].weight.grad, theirs.grad = gradient.clone(), gradient.clone()
        net.blocks[0].weight.data.copy_(before)
        muon.step()
        reference.step()
        mine, want = net.blocks[0].weight.detach() - before, theirs.detach() - before
        assert (mine - want).norm() < 0.02 * want.norm()


def test_query_key_and_value_are_matrices_of_their_own() -> None:
    net = Net(Projection())
    assert stacked_rows(net) == {"blocks.0.qkv.weight": (8, 4, 4)}
    weight = net.blocks[0].qkv.weight
    optimizer = build_optimizers(net, OptimSettings(name="muon", weight_decay=0.0))[-1]
    before, gradient = weight.detach().clone(), drawn(16, 8)
    gradient[:12] /= 20  # query's and key's
    weight.grad = gradient
    optimizer.step()
    parts = (weight.detach() - before).split((8, 4, 4))
    for part, own in zip(parts, gradient.split((8, 4, 4)), strict=True):
        update = newton_schulz(own[None])[0] * -0.02  # Nesterov's first step is the gradient's
        torch.testing.assert_close(part, update, atol=1e-5, rtol=1e-3)
    sizes = [torch.linalg.svdvals(part).mean().item() for part in parts]
    assert max(sizes) < 1.4 * min(sizes)
