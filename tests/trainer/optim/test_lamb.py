"""LAMB and AdamW without bias correction against the releases' formulas, written out in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from trainer.optim import build_optimizers
from trainer.optim.schedule import factor
from trainer.optim.trust import TrustRatio
from trainer.settings.recipe import OptimSettings, ScheduleSettings


class Small(nn.Module):
    """A joint projection, a plain matrix, a norm and a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(4, 12)
        self.stacked = {"qkv.weight": (4, 4, 4)}
        self.down = nn.Linear(4, 4)
        self.norm = nn.LayerNorm(4)


def settings(name: str) -> OptimSettings:
    values = {"name": name, "bias_correction": False, "lr": 0.01, "betas": (0.9, 0.999)}
    return OptimSettings.checked(values | {"eps": 1e-6, "weight_decay": 0.01}, "test")


def step_by_hand(
    w: np.ndarray, m: np.ndarray, v: np.ndarray, g: np.ndarray, matrix: bool, lamb: bool
) -> None:
    m += 0.1 * (g - m)
    v += 0.001 * (g * g - v)
    update = m / (np.sqrt(v) + 1e-6) + (0.01 * w if matrix else 0)
    ratio: float = 1.0
    if lamb and matrix and np.linalg.norm(w) and np.linalg.norm(update):
        ratio = float(np.linalg.norm(w.ravel()) / np.linalg.norm(update.ravel()))
    w -= 0.01 * ratio * update


@pytest.mark.parametrize("name", ["lamb", "adamw"])
def test_steps_are_those_of_the_release(name: str) -> None:
    torch.manual_seed(0)
    model = Small().double()
    (optimizer,) = build_optimizers(model, settings(name))
    assert isinstance(optimizer, TrustRatio)
    hand: dict[str, list[np.ndarray]] = {}
    for key, p in model.named_parameters():
        thirds = 3 if key == "qkv.weight" else 1
        hand[key] = [t.numpy().copy() for t in p.detach().chunk(thirds)]
    moments = {k: [(np.zeros_like(w), np.zeros_like(w)) for w in ws] for k, ws in hand.items()}
    for _ in range(5):
        for key, p in model.named_parameters():
            p.grad = torch.randn_like(p)
            parts = p.grad.chunk(len(hand[key]))
            for w, (m, v), g in zip(hand[key], moments[key], parts, strict=True):
                step_by_hand(w, m, v, g.numpy(), p.dim() > 1, name == "lamb")
        optimizer.step()
    for key, p in model.named_parameters():
        np.testing.assert_allclose(p.detach().numpy(), np.concatenate(hand[key]), rtol=1e-12)


def test_a_skipped_step_changes_nothing() -> None:
    model = Small()
    (optimizer,) = build_optimizers(model, settings("lamb"))
    before = {key: p.detach().clone() for key, p in model.named_parameters()}
    for p in model.parameters():
        p.grad = torch.full_like(p, float("nan"))
    assert isinstance(optimizer, TrustRatio)
    optimizer.found_inf = torch.tensor(1.0)
    optimizer.step()
    for key, p in model.named_parameters():
        assert torch.equal(p, before[key])
        assert not optimizer.state[p]["exp_avg"].any()


def test_a_zero_tensor_has_the_ratio_one() -> None:
    weight = nn.Parameter(torch.zeros(3, 2))
    group = {"params": [weight], "stacked": [(3,)], "adapt": True}
    optimizer = TrustRatio([group], 0.1, (0.9, 0.999), 1e-6)
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    want = -0.1 * 0.1 / (0.001**0.5 + 1e-6)
    torch.testing.assert_close(weight.detach(), torch.full((3, 2), want))


def test_schedules_of_the_releases() -> None:
    albert = ScheduleSettings(name="bert", warmup=3125, floor=0)
    assert factor(albert, 0, 125_000) == 0
    assert factor(albert, 3124, 125_000) == 3124 / 3125
    assert factor(albert, 3125, 125_000) == pytest.approx(0.975)  # the jump of the release
    electra = ScheduleSettings(name="electra", warmup=10_000, floor=0)
    assert factor(electra, 5_000, 1_000_000) == pytest.approx(0.5 * 0.995)
    assert factor(electra, 500_000, 1_000_000) == pytest.approx(0.5)
