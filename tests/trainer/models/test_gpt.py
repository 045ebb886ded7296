from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.attention import flex_attention

from pipeline.store.errors import SettingError
from trainer.models.attention import Cache, Kernel, visible
from trainer.models.gpt import GPT
from trainer.run.distributed import compiles
from trainer.settings.recipe import ModelSettings, RunRecipe, TrainSettings


def model(**settings: object) -> GPT:
    chosen = {"layers": 3, "width": 32, "heads": 4, "context": 24, "vocab": 100} | settings
    gpt = GPT(ModelSettings(**chosen))
    gpt.init_weights(1)
    return gpt.eval()


def ids(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 100, shape, generator=torch.Generator().manual_seed(seed))


MODERN = {
    "positions": "rope", "norm": "rms", "qk_norm": True, "gated": True, "activation": "silu",
    "bias": False, "kv_heads": 2, "inner": 40, "tied": False,
}  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [
        {"attention": "dense"},
        {"attention": "gpt3"},
        MODERN,
        MODERN | {"attention": "sliding", "global_every": 2},
        MODERN | {"attention": "sliding", "kv_heads": 1},
    ],
)
def test_the_cache_changes_nothing(settings: dict[str, object]) -> None:
    gpt, tokens, cache = model(band=5, **settings), ids(2, 20), Cache()
    whole = gpt(tokens)
    pieces = [gpt(part, cache=cache) for part in tokens.split([7, 1, 5, 1, 6], dim=1)]
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, atol=1e-5, rtol=1e-5)


def test_no_position_sees_the_future() -> None:
    gpt, tokens = model(), ids(1, 20)
    other = tokens.clone()
    other[0, 12:] = 3
    torch.testing.assert_close(gpt(tokens)[:, :12], gpt(other)[:, :12])


def test_the_band_bounds_what_is_seen() -> None:
    seen = visible(6, 6, 2, None, torch.device("cpu"))
    assert seen.int().tolist() == [
        [1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0],
        [0, 0, 1, 1, 0, 0], [0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 1, 1],
    ]  # fmt: skip
    one = model(attention="gpt3", band=2, layers=2)
    assert [block.banded for block in one.blocks] == [False, True]


def test_a_document_does_not_see_the_one_before() -> None:
    gpt, tokens = model(), ids(1, 20)
    documents = torch.tensor([[0] * 8 + [1] * 12])
    other = tokens.clone()
    other[0, :8] = 3
    mine, theirs = gpt(tokens, documents)[:, 8:], gpt(other, documents)[:, 8:]
    torch.testing.assert_close(mine, theirs)
    assert not torch.allclose(gpt(tokens)[:, 8:], gpt(other)[:, 8:])


def test_initial_weights_are_those_of_the_paper() -> None:
    gpt = model(layers=8, width=256, vocab=1000)
    assert gpt.tokens.weight.std().item() == pytest.approx(0.02, rel=0.03)
    assert gpt.blocks[0].up.weight.std().item() == pytest.approx(0.02, rel=0.03)
    for residual in (gpt.blocks[3].down.weight, gpt.blocks[3].attention.out.weight):
        assert residual.std().item() == pytest.approx(0.02 / math.sqrt(16), rel=0.03)
    assert gpt.blocks[0].up.bias.abs().max() == 0 and (gpt.norm.weight == 1).all()
    again = model(layers=8, width=256, vocab=1000)
    assert all((a == b).all() for a, b in zip(gpt.parameters(), again.parameters(), strict=True))


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(SettingError, match=r"heads = 5 must divide width = 64; try 4"):
        ModelSettings.checked({"width": 64, "heads": 5}, "recipe")


def learned(gpt: GPT, kernel: Kernel, tokens: Tensor, compiled: Any) -> list[Tensor]:
    """Loss-like sum, then the gradients."""
    gpt.kernel = kernel
    total = compiled(gpt)(tokens, (tokens < 5).cumsum(1)).square().sum()
    total.backward()
    return [total.detach(), *(p.grad for p in gpt.parameters() if p.grad is not None)]


def traced(gpt: GPT) -> Any:
    """One graph forward and one backward, as on a GPU, run by PyTorch's own operators."""
    return torch.compile(gpt, backend="aot_eager", fullgraph=True)


@pytest.mark.parametrize("recompute", [False, True])
def test_both_kernels_learn_the_same(recompute: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """FlexAttention refuses to learn on a CPU for want of a fused kernel; here none is used."""
    monkeypatch.setattr(flex_attention, "_validate_device", lambda *_: None)
    two = [model(attention="gpt3", band=5, layers=2) for _ in range(2)]
    two[1].recompute = recompute
    tokens = ids(3, 24)
    want = learned(two[0], "sdpa", tokens, lambda gpt: gpt)
    torch.testing.assert_close(learned(two[1], "flex", tokens, traced), want, atol=1e-3, rtol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="the fused kernels need a GPU")
@pytest.mark.parametrize("recompute", [False, True])
def test_both_kernels_learn_the_same_on_a_gpu(recompute: bool) -> None:
    tokens = ids(3, 256).cuda()
    two = [model(attention="gpt3", band=50, width=64, context=256).cuda() for _ in range(2)]
    two[1].recompute = recompute
    want = learned(two[0], "sdpa", tokens, torch.compile)
    torch.testing.assert_close(
        learned(two[1], "flex", tokens, torch.compile), want, atol=1e-2, rtol=1e-3
    )


def test_flex_attention_is_refused_where_it_cannot_learn() -> None:
    flex = TrainSettings(attention_kernel="flex", compile="on")
    with pytest.raises(SettingError, match="needs a GPU and a compiled model"):
        compiles(flex, torch.device("cpu"))
    assert compiles(flex, torch.device("cuda"))
    with pytest.raises(SettingError, match="needs a GPU and a compiled model"):
        compiles(TrainSettings(attention_kernel="flex", compile="off"), torch.device("cuda"))
    wrong = {"train": {"attention_kernel": "flex"}, "model": {"dropout": 0.1}}
    with pytest.raises(SettingError, match="has no dropout"):
        RunRecipe.checked(wrong, "recipe")
