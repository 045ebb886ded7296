from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from pipeline.store.errors import SettingError
from trainer.loop.guard import Guard
from trainer.optim import build_optimizers
from trainer.optim.muon import MuonMatrices
from trainer.optim.schedule import check_schedule, factor
from trainer.settings.recipe import GuardSettings, OptimSettings, ScheduleSettings


@pytest.mark.parametrize(
    ("name", "progress", "expected"),
    [
        ("cosine", 0, 0.1), ("cosine", 8, 0.9), ("cosine", 10, 1.0), ("cosine", 55, 0.55),
        ("cosine", 100, 0.1), ("cosine", 150, 0.1),
        ("linear", 55, 0.55), ("linear", 100, 0.1), ("linear", 4, 0.5),
        ("wsd", 79, 1.0), ("wsd", 90, 0.55), ("wsd", 100, 0.1),
        ("constant", 100, 1.0),
    ],
)  # fmt: skip
def test_schedules(name: str, progress: float, expected: float) -> None:
    settings = ScheduleSettings(name=name, warmup=10, floor=0.1)  # type: ignore[arg-type]
    assert factor(settings, progress, 100) == pytest.approx(expected)


def test_a_schedule_longer_than_the_run_is_refused() -> None:
    with pytest.raises(SettingError, match="Shorten them or train longer"):
        check_schedule(ScheduleSettings(warmup=80, decay=40), 100)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(10, 4)
        self.blocks = nn.ModuleList([nn.Linear(4, 4)])


def test_decay_spares_biases_and_muon_takes_the_blocks_matrices() -> None:
    net = Net()
    decayed, spared = build_optimizers(net, OptimSettings())[0].param_groups
    assert [p.dim() for p in decayed["params"]] == [2, 2] and decayed["weight_decay"] == 0.1
    assert [p.dim() for p in spared["params"]] == [1] and spared["weight_decay"] == 0.0
    adamw, muon = build_optimizers(net, OptimSettings(name="muon"))
    assert muon.param_groups[0]["params"] == [net.blocks[0].weight]
    assert sum(len(g["params"]) for g in adamw.param_groups) == 2


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_a_skipped_step_changes_nothing(name: str) -> None:
    net = Net()
    optimizers = build_optimizers(net, OptimSettings(name=name))  # type: ignore[arg-type]
    for skip in (0.0, 1.0):
        before = [p.detach().clone() for p in net.parameters()]
        for parameter in net.parameters():
            parameter.grad = torch.full_like(parameter, math.nan if skip else 1.0)
        for optimizer in optimizers:
            optimizer.found_inf = torch.tensor(skip)  # type: ignore[attr-defined]
            optimizer.step()
        pairs = zip(before, net.parameters(), strict=True)
        assert all(torch.equal(a, b) == bool(skip) for a, b in pairs)
    assert isinstance(optimizers[-1], MuonMatrices) == (name == "muon")


def test_the_guard_tells_spikes_and_what_is_no_number() -> None:
    guard = Guard(GuardSettings(z=5, window=16), torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)

    def judge(loss: float) -> float:
        return float(guard.refuses(torch.tensor(loss), torch.tensor(1.0)))

    assert judge(1e9) == 0, "without a history nothing is a spike"
    ordinary = [3 + float(torch.randn((), generator=generator)) / 10 for _ in range(40)]
    assert [judge(loss) for loss in ordinary[:24]] == [0.0] * 24
    assert judge(9.0) == 1 and judge(math.nan) == 1 and judge(math.inf) == 1
    assert [judge(loss) for loss in ordinary[24:]] == [0.0] * 16, "what was skipped is no history"
    again = Guard(GuardSettings(z=5, window=16), torch.device("cpu"))
    again.load(guard.state())
    assert float(again.refuses(torch.tensor(9.0), torch.tensor(1.0))) == 1


def test_without_z_only_what_is_no_number_is_skipped() -> None:
    guard = Guard(GuardSettings(), torch.device("cpu"))
    one = torch.tensor(1.0)
    assert (
        float(guard.refuses(one * 1e9, one)) == 0 and float(guard.refuses(one, one * math.nan)) == 1
    )
