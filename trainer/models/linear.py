"""Linear layers: on a CPU by oneDNN where it is faster than its BLAS, on a GPU in FP8 if asked.

PyTorch hands fp32 products on an x86 CPU to MKL.  On AMD's Zen 4 oneDNN's are 1.06 to 1.18 times as
fast, at the same precision, but for small matrices (`benchmarks/products.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from pipeline.store.errors import SettingError
from trainer.models.fp8 import MULTIPLE, fp8_linear

#: With fewer rows, oneDNN's copy of the weights into its own order is not worth it.
_FEWEST_ROWS = 64
#: Below so many weights neither is faster.
_FEWEST_WEIGHTS = 1 << 17


class Linear(nn.Linear):
    """`nn.Linear`, its products by `linear`, or in FP8 where `multiply_in_fp8` was there."""

    fp8 = False

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out)."""
        if self.fp8:
            return fp8_linear(x, self.weight, self.bias)
        return linear(x, self.weight, self.bias)


def multiply_in_fp8(blocks: Iterable[nn.Module]) -> None:
    """Has the linear layers of some blocks multiply in FP8.

    Raises SettingError for widths that FP8's products do not take.
    """
    for block in blocks:
        for name, layer in block.named_modules():
            if not isinstance(layer, Linear):
                continue
            shape = layer.in_features, layer.out_features
            if any(side % MULTIPLE for side in shape):
                raise SettingError(
                    f'train.precision = "fp8" multiplies matrices whose sides are multiples of '
                    f"{MULTIPLE}; {name} is {shape[1]} x {shape[0]}",
                    'Choose other widths in [model], or train.precision = "bf16"',
                )
            layer.fp8 = True


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`x @ weight.T + bias`, by what is fastest here; x (..., in), weight (out, in)."""
    if not _by_onednn(x, weight):
        return functional.linear(x, weight, bias)
    if not torch.is_grad_enabled():
        return _product(x, weight, bias)
    result: Tensor = Products.apply(x, weight, bias)
    return result


class Products(torch.autograd.Function):
    """A linear layer whose way forward, and back to what it reads, are oneDNN's.

    The weights' gradient stays with BLAS: oneDNN would copy what it reads the wrong way round.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """(..., in) -> (..., out)."""
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Gradients of what is asked for."""
        x, weight = ctx.saved_tensors
        wants_x, wants_weight, wants_bias = ctx.needs_input_grad
        slope_x = _product(slope, weight.T, None) if wants_x else None
        rows = slope.flatten(0, -2)
        slope_weight = rows.T @ x.flatten(0, -2) if wants_weight else None
        return slope_x, slope_weight, rows.sum(0) if wants_bias else None


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """oneDNN's; `weight` may be a transposed view."""
    result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return result


def _by_onednn(x: Tensor, weight: Tensor) -> bool:
    """Whether a product is oneDNN's: fp32, large, on a CPU with AVX-512, not compiled."""
    return (
        x.device.type == "cpu"
        and not torch.compiler.is_compiling()
        and x.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and weight.numel() >= _FEWEST_WEIGHTS
        and x.numel() >= _FEWEST_ROWS * x.shape[-1]
        and _measured_faster()
    )


@cache
def _measured_faster() -> bool:
    """On CPUs without AVX-512 it was not measured."""
    available = torch.backends.mkldnn.is_available()
    return available and torch.backends.cpu.get_cpu_capability() == "AVX512"
