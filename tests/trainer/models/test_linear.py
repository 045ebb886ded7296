"""Products of linear layers: oneDNN's are BLAS's to rounding, FP8's are those of rounded tensors.

FP8 runs here on PyTorch's own CPU kernel; `Rules` asks what a GPU's would ask of its operands.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from trainer_runs import SMALL

from pipeline.store.errors import SettingError
from trainer.loop.train import train
from trainer.models.fp8 import fp8_linear, scaled
from trainer.models.linear import Linear, linear, multiply_in_fp8
from trainer.run import distributed

E4M3, E5M2 = torch.float8_e4m3fn, torch.float8_e5m2
Product = Callable[[Tensor, Tensor, Tensor | None], Tensor]


#: Width in and out of a layer that oneDNN is faster at.
LARGE = (512, 256)


def operands(rows: tuple[int, ...], width: int = 48, outputs: int = 32) -> list[Tensor]:
    """What is multiplied, weights, bias and the slope of the result."""
    shapes = ((*rows, width), (outputs, width), (outputs,), (*rows, outputs))
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator) for shape in shapes]


def gradients(product: Product, tensors: list[Tensor], frozen: int | None = None) -> list[Tensor]:
    """The result, and the gradients of all but one."""
    leaves = [t.clone().requires_grad_(n != frozen) for n, t in enumerate(tensors[:3])]
    result = product(*leaves)
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    return [result.detach(), *torch.autograd.grad(result, wanted, tensors[3].to(result.dtype))]


@pytest.mark.parametrize("rows", [(200,), (4, 50), (2, 5, 20), (3,)])
@pytest.mark.parametrize("frozen", [None, 0, 1, 2])
def test_products_and_gradients_are_those_of_blas(rows: tuple[int, ...], frozen: int) -> None:
    tensors = operands(rows, *LARGE)
    mine = gradients(linear, tensors, frozen)
    theirs = gradients(functional.linear, tensors, frozen)
    assert len(mine) == (4 if frozen is None else 3)
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-5)


def test_without_a_gradient_or_a_bias_the_product_is_the_same() -> None:
    x, weight, _, slope = operands((100,), *LARGE)
    with torch.no_grad():
        torch.testing.assert_close(linear(x, weight), x @ weight.T, atol=1e-4, rtol=1e-5)
        torch.testing.assert_close(linear(slope, weight.T), slope @ weight, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "values", "highest"),
    [
        (E4M3, [1.0, -3.0, 0.5], 3.0),
        (E5M2, [1e-9, 1e-8, -2e-9], 1e-8),
        (E4M3, [1e30, -1.0, 0.0], 1e30),
        (E5M2, [0.0, 0.0, 0.0], 0.0),
    ],
)
def test_the_largest_number_is_the_largest_of_its_kind(
    kind: torch.dtype, values: list[float], highest: float
) -> None:
    given = torch.tensor(values)
    rounded, scale = scaled(given, kind)
    back = rounded.float() * scale
    assert back.abs().max() == pytest.approx(highest, rel=1e-6)
    last_bit = 2.0**-3 if kind == E4M3 else 2.0**-2
    smallest = torch.finfo(kind).smallest_normal * scale
    assert ((back - given).abs() <= last_bit / 2 * given.abs() + smallest).all()


def test_what_is_not_finite_stays_so_and_the_step_is_skipped() -> None:
    x, weight, bias, slope = operands((32,))
    x[3, 4] = float("inf")
    result, _, of_weight, _ = gradients(fp8_linear, [x, weight, bias, slope])
    assert not result.isfinite().all() and not of_weight.isfinite().all()


class Rules:
    """`torch._scaled_mm` of a GPU: rows of the first, columns of the second, sides of 16 n."""

    def __init__(self, product: Any) -> None:
        self.product, self.calls = product, 0

    def __call__(self, first: Tensor, second: Tensor, **others: Any) -> Tensor:
        self.calls += 1
        assert first.is_contiguous() and second.T.is_contiguous()
        assert first.shape[1] % 16 == 0 and second.shape[1] % 16 == 0
        assert {first.dtype, second.dtype} != {E5M2}
        assert others["scale_a"].dtype == others["scale_b"].dtype == torch.float32
        result: Tensor = self.product(first, second, **others)
        return result


@pytest.mark.parametrize("rows", [(64,), (3, 7)])
def test_fp8_multiplies_rounded_tensors(
    rows: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = Rules(torch._scaled_mm)
    monkeypatch.setattr(torch, "_scaled_mm", rules)
    tensors = operands(rows)
    mine = gradients(fp8_linear, tensors)
    assert rules.calls == 3 and mine[0].dtype == torch.bfloat16

    def rounded(tensor: Tensor, kind: torch.dtype) -> Tensor:
        values, scale = scaled(tensor, kind)
        return values.float() * scale

    x, weight = (rounded(t, E4M3) for t in tensors[:2])
    slope = rounded(tensors[3].bfloat16(), E5M2).flatten(0, -2)
    wanted = [
        functional.linear(x, weight, tensors[2]),
        (slope @ weight).view_as(x),
        slope.T @ x.flatten(0, -2),
        tensors[3].flatten(0, -2).sum(0),
    ]
    exact = gradients(functional.linear, tensors)
    for got, near, true in zip(mine, wanted, exact, strict=True):
        assert (got.float() - near).norm() < 0.01 * near.norm()
        assert (got.float() - true).norm() < 0.08 * true.norm()


def overrides(**settings: Any) -> list[str]:
    chosen = SMALL | {name.replace("__", "."): value for name, value in settings.items()}
    return [f"{name}={value}" for name, value in chosen.items()]


def test_a_run_in_fp8_learns_what_one_in_bf16_does(
    tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributed, "has_fp8", lambda device: True)
    losses = {}
    for precision in ("bf16", "fp8"):
        out = tmp_path / precision
        settings = overrides(train__steps=12, train__precision=precision, schedule__warmup=2)
        train("gpt2-tiny", str(tokens), settings, str(out), "new")
        lines = map(json.loads, (out / "log.jsonl").read_text().splitlines())
        losses[precision] = [line["loss"] for line in lines if "loss" in line]
    assert losses["fp8"] == pytest.approx(losses["bf16"], rel=0.01)
    assert losses["fp8"] != losses["bf16"] and losses["fp8"][-1] < losses["fp8"][0] - 0.3


def test_without_fp8_the_device_is_named_and_nothing_is_written(
    tokens: Path, tmp_path: Path
) -> None:
    out, settings = tmp_path / "run", overrides(train__precision="fp8", train__device="cpu")
    with pytest.raises(SettingError, match=r"fp8.*capability 8\.9.*cpu is none") as said:
        train("gpt2-tiny", str(tokens), settings, str(out), "new")
    assert 'train.precision = "auto"' in str(said.value) and not out.exists()


def test_widths_that_fp8_does_not_take_are_named() -> None:
    with pytest.raises(SettingError, match=r"multiples of 16; up is 40 x 32"):
        multiply_in_fp8([torch.nn.ModuleDict({"up": Linear(32, 40)})])
