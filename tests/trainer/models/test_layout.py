"""However a batch lies, its real positions get the same states, gradients and dropout."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from trainer.models import layout
from trainer.models.encoder import Encoder
from trainer.models.heads import init_encoder_weights
from trainer.models.layout import BatchLayout, Rectangle
from trainer.objectives.encoding import at_places
from trainer.settings.model import EncoderSettings

POSITIONS = 12
LENGTHS = torch.tensor([5, 12, 0, 5, 1, 7])
MASK = torch.arange(POSITIONS) < LENGTHS[:, None]
BANDED = {"positions": "rope", "attention": "sliding", "band": 2, "global_every": 2}


def test_samples_of_one_length_are_taken_together() -> None:
    by_length = BatchLayout.of(MASK, unpad=True)
    assert by_length.rectangles == ((1, 1), (2, 5), (1, 7), (1, 12))
    place = torch.arange(MASK.numel()).view(MASK.shape)
    vectors = by_length.pick(place)
    assert len(vectors) == 32 and set(vectors.tolist()) >= set(place[MASK].tolist())
    first, twice, *_ = by_length.split(vectors)
    assert first.tolist() == [[48]]
    assert twice.tolist() == [[0, 1, 2, 3, 4], [36, 37, 38, 39, 40]]
    joined = by_length.join(by_length.split(vectors))
    assert torch.equal(joined[:30], vectors[:30]) and joined[30:].tolist() == [0, 0]


def test_where_lengths_are_not_read_the_batch_is_taken_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(layout, "readable", lambda _: False)
    assert BatchLayout.of(MASK, unpad=True, most=30).rectangles == (Rectangle(6, 12),)


@pytest.mark.parametrize("settings", [{}, BANDED])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_states_and_gradients_do_not_depend_on_the_layout(
    settings: dict[str, Any], dropout: float
) -> None:
    shape = {"vocab": 50, "layers": 2, "width": 32, "heads": 2, "context": POSITIONS}
    model = Encoder(EncoderSettings(kind="encoder", dropout=dropout, **shape, **settings))
    init_encoder_weights(model, 1)
    ids = torch.arange(MASK.numel()).view(MASK.shape) % 50
    by_length = BatchLayout.of(MASK, unpad=True)

    def states(given: BatchLayout) -> tuple[Tensor, list[Tensor]]:
        model.zero_grad()
        said = model(ids, ids % 2, given, samples=torch.arange(6))[MASK]
        said.square().sum().backward()
        return said, [p.grad.clone() for p in model.parameters() if p.grad is not None]

    want, slopes = states(BatchLayout.of(MASK, unpad=False))
    for given in (by_length, replace(by_length, by_length=())):
        got, their_slopes = states(given)
        torch.testing.assert_close(got, want)
        torch.testing.assert_close(their_slopes, slopes, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("settings", [{}, BANDED | {"norm_first": True}])
@pytest.mark.parametrize("unpad", [False, True])
def test_states_at_places_are_those_of_all_with_their_gradients(
    settings: dict[str, Any], unpad: bool
) -> None:
    shape = {"vocab": 50, "layers": 2, "width": 32, "heads": 2, "context": POSITIONS}
    model = Encoder(EncoderSettings(kind="encoder", dropout=0.3, **shape, **settings))
    init_encoder_weights(model, 1)
    ids = torch.arange(MASK.numel()).view(MASK.shape) % 50
    given, samples = BatchLayout.of(MASK, unpad), torch.arange(6)
    places = torch.tensor([[0, 4, 2], [0, 11, 11], [0, 0, 0], [3, 0, 1], [0, 0, 0], [6, 2, 0]])
    wanted = (torch.arange(3) < LENGTHS[:, None])[..., None]

    def slopes(states: Tensor) -> list[Tensor]:
        model.zero_grad()
        (states * wanted).square().sum().backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    all_of_them = at_places(model(ids, ids % 2, given, samples), places)
    some = model(ids, ids % 2, given, samples, places)
    torch.testing.assert_close(some * wanted, all_of_them * wanted)
    torch.testing.assert_close(slopes(some), slopes(all_of_them), atol=1e-3, rtol=1e-4)


def test_a_batch_of_padding_alone_has_gradients_and_they_are_zero() -> None:
    model = Encoder(EncoderSettings(kind="encoder", vocab=50, layers=1, width=8, heads=2))
    ids = torch.zeros(2, 8, dtype=torch.int64)
    states = model(ids, ids, BatchLayout.of(ids > 0, unpad=True))
    (states * 0).sum().backward()
    assert all(p.grad is not None and not p.grad.any() for p in model.parameters())
