"""Attention of short samples by plain products is what PyTorch's kernel makes of each sample."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from trainer.models.short_attention import attend_short, is_short

HEADS, WIDTH = 3, 8


@pytest.mark.parametrize("lengths", [[1, 5, 5, 9], [7], [4, 256]])
@pytest.mark.parametrize("fill", [0, 3])
def test_states_and_gradients_are_those_of_each_sample_alone(lengths: list[int], fill: int) -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = sum(lengths) + fill
    qkv = torch.randn(vectors, 3 * HEADS * WIDTH, generator=generator).requires_grad_()
    slope = torch.randn(vectors, HEADS * WIDTH, generator=generator)
    assert is_short(qkv, lengths)
    parts = []
    for sample in qkv[: sum(lengths)].split(lengths):
        query, key, value = sample.view(-1, 3, HEADS, WIDTH).permute(1, 2, 0, 3)
        states = functional.scaled_dot_product_attention(query, key, value)
        parts.append(states.transpose(0, 1).flatten(1))
    wanted = torch.cat([*parts, torch.zeros(fill, HEADS * WIDTH)])
    got = attend_short(qkv, lengths, HEADS)
    torch.testing.assert_close(got, wanted)
    slopes = [torch.autograd.grad(states, qkv, slope)[0] for states in (got, wanted)]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize(
    ("lengths", "dtype"), [([], torch.float32), ([9, 257], torch.float32), ([9], torch.bfloat16)]
)
def test_unknown_or_long_samples_and_other_numbers_are_not_for_it(
    lengths: list[int], dtype: torch.dtype
) -> None:
    assert not is_short(torch.zeros(300, 24, dtype=dtype), lengths)
