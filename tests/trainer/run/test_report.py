"""What a run's page shows of its losses."""

from __future__ import annotations

from trainer.run.chart import Curve, figure
from trainer.run.report import _figures

STEP = {"step": 1, "loss": 60.0, "lr": 0.1, "grad_norm": 1.0, "tokens_per_second": 9.0}


def titles(lines: list[dict[str, float]]) -> list[str]:
    return [one.split('aria-label="')[1].split('"')[0] for one in _figures(lines) if one]


def test_only_a_loss_of_one_term_is_nats_a_token() -> None:
    alone = [STEP, STEP | {"step": 2, "loss": 50.0}]
    assert "Loss: 50 to 60 nats a token" in _figures(alone)[0]
    assert titles(alone) == ["Loss", "Learning rate", "Gradient norm", "Speed"]
    both = [line | {"mlm": 6.0, "rtd": 0.4} for line in alone]
    assert "Loss: 50 to 60 weighted sum" in _figures(both)[0]
    assert titles(both)[:3] == ["Loss", "Term mlm", "Term rtd"]


def test_training_is_drawn_beside_validation() -> None:
    judged = {
        "step": 2,
        "validation_loss": 40.0,
        "validation_rtd_auc": 0.7,
        "validation_loss_base": 70.0,
    }
    lines = [STEP, judged, STEP | {"step": 3, "loss": float("nan")}]
    loss = _figures(lines)[0]
    assert loss.count("<polyline") == 3 and ">training<" in loss and ">validation<" in loss
    assert ">frequencies alone<" in loss and "Loss: 40 to 70" in loss
    assert titles(lines)[1:3] == ["Validation rtd auc", "Learning rate"]


def test_axes_have_numbers_and_names() -> None:
    drawn = figure("Loss", "nats a token", [Curve("a", [(1, 4), (51, 6), (101, 5)])])
    for text in (">4<", ">5<", ">6<", ">1<", ">51<", ">101<", ">step<", ">nats a token<"):
        assert text in drawn
    assert figure("Loss", "", [Curve("a", [])]) == ""
