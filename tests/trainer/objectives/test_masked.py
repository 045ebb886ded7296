"""Masks: the stated distributions by chi-squared bounds, and the release's walk as an oracle."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor

from trainer.data.seeds import seed_for
from trainer.data.vocabulary import Vocabulary
from trainer.models.noise import drawn, uniforms
from trainer.objectives.masked import Masker, scatter, scatter_as_released
from trainer.objectives.ngrams import choose_ngrams, lengths_drawn
from trainer.settings.objective import MaskSettings, Mode

PAD, CLS, SEP, MASK, SIZE = 0, 1, 2, 3, 200
#: Every third token goes on with the word before it.
STARTS = tuple(n < 4 or n % 3 != 0 for n in range(SIZE))
VOCABULARY = Vocabulary(SIZE, PAD, CLS, SEP, MASK, frozenset({PAD, CLS, SEP, MASK}), STARTS)
LENGTH, BATCH = 64, 400


def rows(lengths: list[int] | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """[CLS] A [SEP] B [SEP], padded; real lengths; sample numbers."""
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(4, SIZE, (BATCH, LENGTH), generator=generator)
    real = torch.tensor(lengths * (BATCH // len(lengths)) if lengths else [LENGTH] * BATCH)
    ids[:, 0], ids[:, 20] = CLS, SEP
    ids[torch.arange(BATCH), real - 1] = SEP
    ids[torch.arange(LENGTH) >= real[:, None]] = PAD
    return ids, real, torch.arange(BATCH) * 7919 + (1 << 33)


def chi_squared(counts: Tensor, shares: Tensor) -> float:
    """The statistic over its degrees of freedom; above 1 + 5 * sqrt(2 / freedom) in 1 of 10^5."""
    wanted = counts.sum() * shares
    freedom = len(counts) - 1
    value = float(((counts - wanted) ** 2 / wanted).sum()) / freedom
    return (value - 1) / float((2 / freedom) ** 0.5)


@pytest.mark.parametrize("settings", [
    MaskSettings(), MaskSettings(ngrams=3), MaskSettings(ngrams=3, mode="release", most=20),
    MaskSettings(rate=0.25, masked=0.85, random=0.0),
], ids=["bert", "albert", "albert-release", "electra"])  # fmt: skip
def test_the_budget_is_kept_and_special_tokens_stay(settings: MaskSettings) -> None:
    ids, lengths, samples = rows([64, 40, 30, 3])
    masked = Masker(settings, VOCABULARY, LENGTH, 1)(ids, lengths, samples)
    most = masked.places.shape[1]
    wanted = (lengths.double() * settings.rate).round().clamp(1, most)
    used = masked.used.sum(1)
    assert (used <= wanted).all()
    if not settings.ngrams:
        assert (used[lengths > 3] == wanted[lengths > 3]).all()
    picked = masked.places[masked.used], ids.gather(1, masked.places)[masked.used]
    assert (picked[1] > MASK).all()
    row = torch.arange(BATCH)[:, None].expand_as(masked.places)[masked.used]
    assert len({*zip(row.tolist(), picked[0].tolist(), strict=True)}) == len(row)
    changed = (masked.inputs != ids).sum()
    assert 0 < changed <= used.sum()


def test_masks_follow_from_seed_and_sample_alone() -> None:
    ids, lengths, samples = rows()
    masker = Masker(MaskSettings(ngrams=3), VOCABULARY, LENGTH, 1)
    whole = masker(ids, lengths, samples)
    order = torch.randperm(BATCH)[:50]
    some = masker(ids[order], lengths[order], samples[order])
    assert torch.equal(some.inputs, whole.inputs[order])
    assert torch.equal(some.places, whole.places[order])
    other = Masker(MaskSettings(ngrams=3), VOCABULARY, LENGTH, 2)(ids, lengths, samples)
    assert not torch.equal(other.places, whole.places)


def test_eighty_ten_ten() -> None:
    ids, lengths, samples = rows()
    masked = Masker(MaskSettings(), VOCABULARY, LENGTH, 1)(ids, lengths, samples)
    before, after = ids.gather(1, masked.places), masked.inputs.gather(1, masked.places)
    became = torch.stack([(after == MASK).sum(), (after == before).sum()]).double()
    others = masked.used.sum() - became.sum()
    chance = 0.1 / SIZE  # a random token may be the same, or [MASK]
    shares = torch.tensor([0.8 + chance, 0.1 + chance, 0.1 - 2 * chance])
    assert abs(chi_squared(torch.stack([*became, others]), shares)) < 5
    drawn = after[(after != MASK) & (after != before)]
    assert chi_squared(torch.bincount(drawn // 20, minlength=10).double(), torch.ones(10) / 10) < 5


@pytest.mark.parametrize("mode", ["paper", "release"])
def test_electra_masks_85_percent_and_leaves_the_rest(mode: Mode) -> None:
    ids, lengths, samples = rows()
    settings = MaskSettings(masked=0.85, random=0.0, mode=mode)
    masker = Masker(settings, VOCABULARY, LENGTH, 1)
    counts = torch.zeros(2)
    for step in range(10):
        masked = masker(ids, lengths, samples + step * BATCH * 10_000)
        # By position: the release may draw one twice, which is masked or left once.
        chosen = torch.zeros_like(ids).scatter_add(1, masked.places, masked.used.long()) > 0
        hidden, left = chosen & (masked.inputs == MASK), chosen & (masked.inputs == ids)
        assert torch.equal(hidden | left, chosen)  # none becomes another token
        counts += torch.stack([hidden.sum(), left.sum()])
    assert counts.sum() > 30_000
    assert chi_squared(counts, torch.tensor([0.85, 0.15])) < 5


def test_every_place_is_as_likely() -> None:
    ids, lengths, samples = rows()
    masker = Masker(MaskSettings(), VOCABULARY, LENGTH, 1)
    counts = torch.zeros(LENGTH)
    for step in range(20):
        masked = masker(ids, lengths, samples + step * BATCH * 10_000)
        counts += torch.bincount(masked.places[masked.used], minlength=LENGTH)
    text = torch.tensor([n not in (0, 20, LENGTH - 1) for n in range(LENGTH)])
    assert counts[~text].sum() == 0
    assert chi_squared(counts[text], torch.full((61,), 1 / 61)) < 5


@pytest.mark.parametrize(("left", "shares"), [
    (3, [6 / 11, 3 / 11, 2 / 11]), (2, [2 / 3, 1 / 3]), (1, [1.0]),
])  # fmt: skip
def test_lengths_of_runs_have_the_papers_chances(left: int, shares: list[float]) -> None:
    """Drawn where `left` words remain, renormalised as the release does."""
    count = 20_000
    candidates = torch.zeros(count, 6, dtype=torch.bool)
    candidates[:, 1 : 1 + left] = True
    draws = uniforms(torch.arange(count), 6, 11)
    drawn = lengths_drawn(candidates, candidates, draws, 3, across=False)[:, 1]
    counts = torch.bincount(drawn - 1, minlength=len(shares)).double()
    assert counts.sum() == count
    if left > 1:
        assert chi_squared(counts, torch.tensor(shares)) < 5


def walk(
    candidates: list[bool], first: list[bool], budget: int, order: list[float], drawn: list[int]
) -> set[int]:
    """The release's `create_masked_lm_predictions`, word after word, in plain Python."""
    words: list[list[int]] = []
    for place, text in enumerate(candidates):
        if text and first[place]:
            words.append([place])
        elif text:
            words[-1].append(place)
    chosen: set[int] = set()
    for number in sorted(range(len(words)), key=lambda n: order[words[n][0]]):
        if len(chosen) >= budget:
            break
        for n in range(drawn[words[number][0]], 0, -1):
            run = [place for word in words[number : number + n] for place in word]
            if len(chosen) + len(run) <= budget:
                if not chosen & set(run):
                    chosen |= set(run)
                break
    return chosen


@pytest.mark.parametrize("across", [False, True])
def test_ngrams_are_those_of_the_release_s_walk(across: bool) -> None:
    ids, lengths, samples = rows([64, 40, 25, 5])
    position = torch.arange(LENGTH)
    candidates = (ids > MASK) & (position < lengths[:, None])
    before = torch.cat([torch.ones(BATCH, 1, dtype=torch.bool), ~candidates[:, :-1]], 1)
    first = candidates & (torch.tensor(STARTS)[ids] | before)
    order, draws = uniforms(samples, LENGTH, 3), uniforms(samples, LENGTH, 4)
    wanted = (lengths * 0.15).round().long().clamp(1, 9)
    chosen = choose_ngrams(candidates, first, wanted, order, draws, 3, 9, across)
    drawn = lengths_drawn(candidates, first, draws, 3, across)
    for n in range(BATCH):
        want = walk(
            candidates[n].tolist(), first[n].tolist(), int(wanted[n]), order[n].tolist(),
            drawn[n].tolist(),
        )  # fmt: skip
        assert set(chosen[n].nonzero()[:, 0].tolist()) == want


def test_electra_s_release_draws_with_replacement() -> None:
    ids, lengths, samples = rows()
    settings = MaskSettings(mode="release", masked=0.85, random=0.0)
    masked = Masker(settings, VOCABULARY, LENGTH, 1)(ids, lengths, samples)
    assert masked.used.all()
    counts = torch.bincount(masked.places.flatten(), minlength=LENGTH).double()
    text = torch.tensor([n not in (0, 20, LENGTH - 1) for n in range(LENGTH)])
    assert counts[~text].sum() == 0
    assert chi_squared(counts[text], torch.full((61,), 1 / 61)) < 5
    doubled = [max(Counter(row).values()) for row in masked.places.tolist()]
    assert sum(n > 1 for n in doubled) > BATCH / 3


def test_several_draws_at_one_place_are_averaged_as_released() -> None:
    ids = torch.arange(10, 16)[None]
    places, values = torch.tensor([[2, 2, 4, 0]]), torch.tensor([[7, 10, 90, 99]])
    used = torch.tensor([[True, True, True, False]])
    assert scatter_as_released(ids, places, values, used).tolist() == [[10, 11, 8, 13, 90, 15]]
    assert scatter(ids, places[:, 1:], values[:, 1:], used[:, 1:]).tolist() == [
        [10, 11, 10, 13, 90, 15]
    ]


@pytest.mark.parametrize("choices", [2, 12, 17])
def test_tokens_are_drawn_from_the_softmax(choices: int) -> None:
    count = 40_000
    logits = torch.linspace(-2, 2, choices).flip(0)
    numbers, places = torch.arange(count // 4), torch.arange(4).expand(count // 4, 4)
    tokens = drawn(logits.expand(count // 4, 4, choices), numbers, places, seed_for(1, "g"))
    counts = torch.bincount(tokens.flatten(), minlength=choices).double()
    assert chi_squared(counts, logits.softmax(0).double()) < 5


def test_no_token_is_drawn_that_has_no_chance() -> None:
    logits = torch.full((500, 1, 101), float("-inf"))
    logits[:, :, 40], logits[:, :, 77] = 1.0, 1.0
    tokens = drawn(logits, torch.arange(500), torch.zeros(500, 1).long(), 3)
    assert tokens.unique().tolist() == [40, 77]


def test_uniform_numbers_are_uniform_and_apart() -> None:
    numbers = uniforms(torch.arange(2000), 64, seed_for(1, "x"))
    assert ((numbers > 0) & (numbers < 1)).all()
    counts = torch.histc(numbers, 64, 0, 1).double()
    assert chi_squared(counts, torch.full((64,), 1 / 64)) < 5
    between = np.corrcoef(numbers[:-1].flatten(), numbers[1:].flatten())[0, 1]
    along = np.corrcoef(numbers[:, :-1].flatten(), numbers[:, 1:].flatten())[0, 1]
    assert max(abs(between), abs(along)) < 5 / len(numbers.flatten()) ** 0.5
