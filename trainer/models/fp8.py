"""Products of linear layers in FP8, with one scale for each tensor, found anew each time.

Micikevicius et al. 2022, "FP8 Formats for Deep Learning": what goes forward in E4M3, which has a
bit more for the fraction, gradients in E5M2, which has one more for the exponent.  The weights, the
optimizer, norms, attention, embedding and the loss keep their kinds of number.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

_FORWARD, _GRADIENT = torch.float8_e4m3fn, torch.float8_e5m2
#: Both sides of a matrix that is multiplied are multiples of it (cuBLAS).
MULTIPLE = 16
#: Instead of a scale of 0, for a tensor of zeros.
_SMALLEST = 1e-12


def fp8_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`x @ weight.T + bias` in bf16; x (..., in), weight (out, in), both multiples of 16."""
    rows = x.flatten(0, -2)
    count = rows.shape[0]
    if count % MULTIPLE:  # the weights' gradient is a product over rows
        rows = functional.pad(rows, (0, 0, 0, -count % MULTIPLE))
    products: Tensor = Fp8Products.apply(rows, weight)
    result = products[:count].view(*x.shape[:-1], -1)
    return result if bias is None else result + bias.to(result.dtype)


def scaled(tensor: Tensor, kind: torch.dtype) -> tuple[Tensor, Tensor]:
    """A tensor in FP8, its largest number the largest of that kind, and what to multiply it by.

    Where something is not finite, so is what is multiplied by it, and the step is skipped.
    """
    highest = torch.finfo(kind).max
    scale = tensor.abs().amax().float().clamp_min(_SMALLEST) / highest
    values = (tensor.float() / scale).clamp(-highest, highest)  # rounding may pass the highest
    return values.to(kind), scale


class Fp8Products(torch.autograd.Function):
    """The three products of a linear layer.  For the way back, FP8 is all that is kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        """(rows, in), (out, in) -> bf16 (rows, out)."""
        x_8, x_scale = scaled(x, _FORWARD)
        weight_8, weight_scale = scaled(weight, _FORWARD)
        ctx.save_for_backward(x_8, x_scale, weight_8, weight_scale)
        ctx.kinds = x.dtype, weight.dtype
        return _product(x_8, x_scale, weight_8.T, weight_scale, torch.bfloat16, fast=True)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients, each of the kind that it is the gradient of."""
        x, x_scale, weight, weight_scale = ctx.saved_tensors
        kind_x, kind_weight = ctx.kinds
        slope_8, scale = scaled(slope, _GRADIENT)
        slope_x = _product(slope_8, scale, weight, weight_scale, kind_x)
        slope_weight = _product(slope_8.T, scale, x, x_scale, kind_weight)
        return slope_x, slope_weight


def _product(
    first: Tensor,
    first_scale: Tensor,
    second: Tensor,
    second_scale: Tensor,
    kind: torch.dtype,
    fast: bool = False,
) -> Tensor:
    """`first @ second`, rescaled.  `fast`: sums with fewer bits, good enough on the way forward.

    Tensor cores read rows of the first and columns of the second.
    """
    return torch._scaled_mm(
        first.contiguous(),
        second.T.contiguous().T,
        scale_a=first_scale,
        scale_b=second_scale,
        out_dtype=kind,
        use_fast_accum=fast,
    )
