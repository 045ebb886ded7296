"""What a run's page says of its losses."""

from __future__ import annotations

from trainer.run.report import _axes, _losses

STEP = {"step": 1, "loss": 60.0, "lr": 0.1, "grad_norm": 1.0, "skipped": False}


def test_only_a_loss_of_one_term_is_nats_a_token() -> None:
    assert _losses([STEP])[0] == ("Loss", "loss", "nats a token")
    found = _losses([STEP | {"mlm": 6.0, "rtd": 0.4}])
    assert found[0] == ("Loss", "loss", "weighted sum of its terms")
    assert [key for _, key, _ in found] == [
        "loss", "validation_loss", "mlm", "validation_mlm", "rtd", "validation_rtd",
    ]  # fmt: skip


def test_axes_have_numbers() -> None:
    drawn = _axes([1.0, 51.0, 101.0], [4.0, 5.0, 6.0])
    for number in (">4<", ">5<", ">6<", ">step 1<", ">51<", ">101<"):
        assert number in drawn
