"""Text a token at a time: the likeliest or a drawn one, alone or beside other prompts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from pipeline.store.errors import SettingError
from trainer.eval.generate import Sampling, choose, generate
from trainer.models.gpt import GPT
from trainer.settings.recipe import ModelSettings

GREEDY = Sampling(temperature=0)
#: Shorter than each other, equal, as long as the context and longer.
PROMPTS = [[5, 6, 7], [8], [9] * 4, [5, 6, 7], list(range(24)), list(range(60, 100))]


@pytest.fixture(scope="module", params=["dense", "gpt3"])
def model(request: pytest.FixtureRequest) -> GPT:
    settings = ModelSettings(
        layers=3, width=32, heads=4, context=24, vocab=100, attention=request.param, band=5
    )
    gpt = GPT(settings)
    gpt.init_weights(1)
    with torch.no_grad():
        for parameter in gpt.parameters():
            parameter.mul_(4)  # logits far apart: no tie that rounding decides
    return gpt.eval()


def written(
    gpt: GPT,
    prompts: Sequence[Sequence[int]],
    new: int,
    sampling: Sampling,
    end: int | None = None,
    seeds: Sequence[int] | None = None,
) -> list[list[int]]:
    texts: list[list[int]] = [[] for _ in prompts]
    for made in generate(gpt, prompts, new, sampling, end, seeds):
        for row, token in made.items():
            texts[row].append(token)
    return texts


def reread(gpt: GPT, prompt: list[int], new: int) -> list[int]:
    """The likeliest tokens without a cache: the whole row again for each."""
    text = list(prompt)
    for _ in range(new):
        text.append(int(gpt.logits(gpt(torch.tensor([text]))[:, -1]).argmax()))
    return text[len(prompt) :]


def test_greedy_is_the_likeliest_token_each_time(model: GPT) -> None:
    made = written(model, PROMPTS[:4], 20, GREEDY)
    assert made == [reread(model, prompt, 20) for prompt in PROMPTS[:4]]


@pytest.mark.parametrize("sampling", [GREEDY, Sampling(seed=3), Sampling(1.0, top_k=9, top_p=0.8)])
def test_a_text_does_not_depend_on_those_beside_it(model: GPT, sampling: Sampling) -> None:
    """Beyond the context too, and where another text has ended."""
    together = written(model, PROMPTS, 70, sampling, end=50)
    assert together == [written(model, [prompt], 70, sampling, end=50)[0] for prompt in PROMPTS]
    assert all(0 < len(text) <= 70 for text in together)
    assert together[0] == together[3]


def test_each_seed_gives_its_own_text(model: GPT) -> None:
    made = written(model, [[5, 6]] * 3, 20, Sampling(), seeds=[4, 5, 4])
    assert made[0] == made[2] != made[1]
    assert made[1] == written(model, [[5, 6]], 20, Sampling(seed=5))[0]


def test_a_text_goes_on_beyond_the_context_and_stops_at_the_end(model: GPT) -> None:
    assert len(written(model, [[1, 2, 3, 4]], 100, Sampling(seed=1))[0]) == 100
    first = written(model, [[1, 2, 3, 4]], 1, GREEDY)[0][0]
    assert written(model, [[1, 2, 3, 4]], 100, GREEDY, end=first) == [[first]]


def test_a_prompt_without_tokens_is_refused(model: GPT) -> None:
    with pytest.raises(SettingError, match="no tokens"):
        written(model, [[1], []], 5, GREEDY)


@pytest.mark.parametrize(
    ("sampling", "allowed"),
    [
        (Sampling(temperature=0), {3}),
        (Sampling(top_k=1), {3}),
        (Sampling(top_k=2), {3, 1}),
        (Sampling(temperature=1, top_p=0.5), {3}),
        (Sampling(temperature=1, top_p=0.7), {3, 1}),
        (Sampling(temperature=1), {0, 1, 2, 3}),
    ],
)
def test_sampling_keeps_to_its_bounds(sampling: Sampling, allowed: set[int]) -> None:
    logits = torch.tensor([[0.1, 0.25, 0.05, 0.6]]).log().repeat(400, 1)
    drawn = choose(logits, sampling, [torch.Generator().manual_seed(0)] * 400)
    assert set(drawn) == allowed


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1.0}, {"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.5}]
)
def test_wrong_sampling_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingError):
        Sampling(**wrong)  # type: ignore[arg-type]
