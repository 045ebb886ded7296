"""ELECTRA's rules about replaced tokens, on a model that is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trainer.data.header import HEADER
from trainer.data.vocabulary import Vocabulary
from trainer.models import layout
from trainer.objectives.electra import Electra, ElectraSettings
from trainer.objectives.encoding import (
    area_under_curve,
    entropy_of_share,
    score_histograms,
)
from trainer.objectives.intervals import wilson
from trainer.objectives.masked import Masker
from trainer.settings.model import EncoderSettings
from trainer.settings.objective import MaskSettings, Mode

SIZE, LENGTH, BATCH = 64, 40, 16
VOCABULARY = Vocabulary(SIZE, 0, 1, 2, 3, frozenset({0, 1, 2, 3}), (True,) * SIZE)


def objective(mode: Mode = "paper", unpad: str = "auto") -> Electra:
    shape = {"layers": 2, "width": 32, "heads": 2, "context": LENGTH, "embedding": 16}
    settings = EncoderSettings(kind="encoder", vocab=SIZE, unpad=unpad, **shape)
    mask = MaskSettings(masked=0.85, random=0.0, mode=mode)
    made = Electra(settings, ElectraSettings(), Masker(mask, VOCABULARY, LENGTH, 1), seed=1)
    made.init_weights(1)
    return made


def rows() -> Tensor:
    generator = torch.Generator().manual_seed(2)
    said = torch.randint(4, SIZE, (BATCH, HEADER + LENGTH), generator=generator)
    said[:, :HEADER] = torch.tensor([0, 0, 20, -1])
    said[:, 0] = torch.arange(BATCH)
    said[:, HEADER] = 1
    said[BATCH // 2 :, HEADER + 25 :] = -1
    said[-1] = -1  # pads the batch
    return said.int()


def test_the_two_towers_share_embeddings_and_their_norm() -> None:
    made = objective()
    assert made.generator.embeddings is made.model.embeddings
    assert made.generator.project is not made.model.project
    names = [name for name, _ in made.named_parameters() if "embeddings" in name]
    assert len(names) == 5


def test_only_masked_places_are_replaced_and_originals_count_as_such() -> None:
    made = objective()
    batch = made.prepare(rows())
    filled = made.sample(made._generated(batch), batch)
    changed = filled != batch["ids"]
    allowed = torch.zeros_like(batch["mask"])
    row = torch.arange(BATCH)[:, None].expand_as(batch["places"])[batch["used"]]
    allowed[row, batch["places"][batch["used"]]] = True
    assert not (changed & ~allowed).any()
    assert changed.any()
    _, fake = made._judged(batch, batch["ids"])
    assert not fake.any()


@pytest.mark.parametrize("padding", [False, True])
def test_logits_of_the_masked_places_alone_give_the_same_losses(
    monkeypatch: pytest.MonkeyPatch, padding: bool
) -> None:
    made = objective()
    given = torch.full_like(rows(), -1) if padding else rows()

    def steps() -> list[Tensor]:
        made.zero_grad()
        batch = made.prepare(given)
        losses = made(batch)
        (losses["mlm"] + losses["rtd"]).backward()
        slopes = [p.grad.clone() for p in made.parameters() if p.grad is not None]
        return [*losses.values(), made.sample(made._generated(batch), batch).double(), *slopes]

    listed = steps()
    monkeypatch.setattr(layout, "readable", lambda _: False)  # as on a GPU
    assert len(listed) == 3 + len(list(made.parameters()))
    torch.testing.assert_close(listed, steps(), atol=1e-3, rtol=1e-4)


def test_counts_are_of_masked_and_of_real_tokens() -> None:
    made = objective()
    counts = made.counts(made.prepare(rows()))
    assert counts["rtd"] == 8 * LENGTH + 7 * 25
    assert counts["mlm"] == 8 * round(0.15 * LENGTH) + 7 * round(0.15 * 25)


def test_no_gradient_goes_through_the_samples() -> None:
    made = objective()
    made(made.prepare(rows()))["rtd"].backward()
    assert all(p.grad is None for p in made.generator.blocks.parameters())
    assert all(p.grad is None for p in made.masked.parameters())
    assert made.model.embeddings.tokens.weight.grad is not None


@pytest.mark.parametrize("mode", ["paper", "release"])
def test_a_sample_is_the_same_in_another_batch(mode: Mode) -> None:
    made = objective(mode).eval()
    whole = made.prepare(rows())
    some = made.prepare(rows()[[9, 3]])
    with torch.no_grad():
        filled = made.sample(made._generated(whole), whole)
        again = made.sample(made._generated(some), some)
    assert torch.equal(again, filled[[9, 3]])


def test_terms_add_up_over_micro_batches() -> None:
    made = objective()
    whole = made(made.prepare(rows()))
    halves = [made(made.prepare(part)) for part in rows().split(BATCH // 2)]
    for name, term in whole.items():
        torch.testing.assert_close(term, halves[0][name] + halves[1][name])


def test_without_padding_losses_and_gradients_are_the_same() -> None:
    """Whether the host says how many tokens are real, or they are counted."""
    said, filled = rows(), (rows().numpy() >= 0).sum(1)
    padded, counted, told = objective(unpad="off"), objective(unpad="on"), objective(unpad="on")
    batches = [padded.prepare(said), counted.prepare(said), told.prepare(said, filled)]
    assert "index" not in batches[0]
    assert [len(batch["index"]) for batch in batches[1:]] == [496, 496]  # 495 are real
    for one, batch in zip((padded, counted, told), batches, strict=True):
        terms = one(batch)
        (terms["mlm"] + 50 * terms["rtd"]).backward()
    for one in (counted, told):
        for (name, mine), want in zip(one.named_parameters(), padded.parameters(), strict=True):
            torch.testing.assert_close(mine.grad, want.grad, atol=1e-3, rtol=1e-4, msg=name)


def test_special_tokens_are_left_out_of_the_area_and_known_to_the_base() -> None:
    made = objective().eval()
    batch = made.prepare(rows())
    tallies = made.tallies(batch)
    text = batch["mask"] & (batch["ids"] > 3)
    assert tallies["scores"].sum() == text.sum() < batch["mask"].sum() == tallies["real"]
    _, fake = made._judged(batch, made.sample(made._generated(batch), batch))
    share = fake[text].double().mean().expand(int(text.sum()))
    loss = functional.binary_cross_entropy(share, fake[text].double(), reduction="sum")
    said = made.summary(tallies)["rtd_base"]
    assert said == pytest.approx(float(loss) / int(batch["mask"].sum()), rel=1e-6)


def test_the_loss_by_frequency_copies_what_is_shown() -> None:
    made = objective().eval()
    batch = made.prepare(rows())
    asked = [
        (int(shown), int(target))
        for inputs, places, targets, used in zip(
            batch["inputs"], batch["places"], batch["targets"], batch["used"], strict=True
        )
        for shown, target, here in zip(inputs[places], targets, used, strict=True)
        if here
    ]
    hidden = [target for shown, target in asked if shown != target]
    assert 0 < len(hidden) < len(asked)
    loss = -sum(math.log(hidden.count(target) / len(hidden)) for target in hidden) / len(asked)
    assert made.summary(made.tallies(batch))["mlm_base"] == pytest.approx(loss, rel=1e-6)


def test_area_under_the_curve_is_the_share_of_right_pairs() -> None:
    generator = torch.Generator().manual_seed(4)
    positive = torch.rand(500, generator=generator) < 0.2
    logits = torch.randn(500, generator=generator) + positive
    exact = (logits[positive][:, None] > logits[~positive][None]).double().mean()
    histograms = score_histograms(logits, positive, torch.ones_like(positive))
    assert area_under_curve(histograms) == pytest.approx(float(exact), abs=2e-3)


def test_the_base_rate_s_entropy_is_the_best_loss_of_a_constant_answer() -> None:
    positive = torch.arange(200) % 8 == 0
    histograms = score_histograms(torch.zeros(200), positive, torch.ones_like(positive))
    constant = torch.logit(torch.tensor(1 / 8)).expand(200)
    loss = functional.binary_cross_entropy_with_logits(constant, positive.float())
    assert entropy_of_share(histograms) == pytest.approx(float(loss), abs=1e-6)


def test_confidence_bounds_are_wilson_s() -> None:
    low, high = wilson(60, 100)
    assert (round(low, 4), round(high, 4)) == (0.5020, 0.6906)
