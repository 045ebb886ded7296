from __future__ import annotations

import math

import pytest
import torch

from pipeline.errors import SettingError
from trainer.config import ModelSettings
from trainer.models.attention import Cache, visible
from trainer.models.gpt import GPT


def model(**settings: object) -> GPT:
    chosen = {"layers": 3, "width": 32, "heads": 4, "context": 24, "vocab": 100} | settings
    gpt = GPT(ModelSettings(**chosen))
    gpt.init_weights(1)
    return gpt.eval()


def ids(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 100, shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("attention", ["dense", "gpt3"])
def test_the_cache_changes_nothing(attention: str) -> None:
    gpt, tokens, cache = model(attention=attention, band=5), ids(2, 20), Cache()
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
    bands = [block.attention.band for block in one.blocks]
    assert bands == [None, 2]


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
