"""What a pair is asked cannot be told by lengths, punctuation or position.

The text is made of sentences that have nothing to do with each other, so there is nothing to learn;
a learner that sees only shapes and is right more often than by chance has found a leak.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from token_corpora import sentence_corpus, wordpiece
from torch import nn
from torch.nn import functional

from trainer.data.header import HEADER
from trainer.data.samples import Samples
from trainer.data.segments import NOT_ASKED
from trainer.data.shard_set import find_shards
from trainer.objectives import open_stream
from trainer.settings.recipe import RunRecipe

CONTEXT, ROWS = 48, 9_000
#: Tokens of the made-up language: marks that end a sentence, marks within one, words.
STOPS, MARKS, WORDS = range(10, 13), range(13, 16), range(20, 60)


def sentences(generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Of very unlike lengths; some are longer than a sample."""
    while True:
        size = int(np.clip(generator.lognormal(2.2, 0.9), 1, 120))
        said = generator.choice([*WORDS, *WORDS, *MARKS], size=size)
        yield np.append(said, generator.choice(STOPS))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    generator = np.random.default_rng(7)
    text = sentences(generator)
    documents = [
        [next(text) for _ in range(int(np.clip(generator.lognormal(2.5, 1.0), 1, 200)))]
        for _ in range(4_000)
    ]
    root = tmp_path_factory.mktemp("unrelated")
    return str(sentence_corpus(root, documents, wordpiece(64)))


def stream(data: str, objective: str) -> Samples:
    values = {"objective": objective, "model": {"kind": "encoder", "context": CONTEXT}}
    return open_stream(RunRecipe.checked(values, "test"), find_shards(data), "train")


def shape(tokens: NDArray[np.int32]) -> list[float]:
    """What a segment looks like to someone who cannot read."""
    stops = np.flatnonzero(np.isin(tokens, STOPS))
    marks = np.flatnonzero(np.isin(tokens, MARKS))
    size = len(tokens)
    first, last = (stops[0], size - 1 - stops[-1]) if len(stops) else (size, size)
    second = size - 1 - stops[-2] if len(stops) > 1 else size
    inner = [np.mean(marks), marks[0], marks[-1]] if len(marks) else [size / 2, size, 0]
    longest = max(np.diff([-1, *stops, size]))
    return [size, len(stops), len(marks), first, last, second, longest, last == 0, *inner]


@functools.cache
def asked(data: str, objective: str) -> NDArray[np.int32]:
    """Rows of all pairs that are asked."""
    samples = stream(data, objective)
    rows = samples.batch(0, ROWS)
    samples.close()
    return rows[rows[:, 3] != NOT_ASKED]


def shapes_of(rows: NDArray[np.int32], lost: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Shapes of all pairs (pairs, features), scaled, and their labels.

    Each `lost`-th pair of label 1 loses its last token.
    """
    shapes = []
    for number, row in enumerate(rows):
        ids = row[HEADER:][row[HEADER:] >= 0]
        first, second = ids[1 : row[2] - 1], ids[row[2] : -1]
        if lost and row[3] and number % lost == 0:
            second = second[:-1]
        shapes.append([*shape(first), *shape(second), len(ids), len(first) - len(second)])
    found = torch.tensor(np.array(shapes), dtype=torch.float32)
    return (found - found.mean(0)) / found.std(0).clamp_min(1e-3), torch.tensor(rows[:, 3]).long()


def told(features: torch.Tensor, labels: torch.Tensor) -> tuple[float, float, float]:
    """Accuracy of a small network on pairs that it has not seen, and chance with its bound.

    Chance is the commoner label's share; the bound is 3.3 standard errors: one in 2,000.
    """
    torch.manual_seed(1)
    learner = nn.Sequential(
        nn.Linear(features.shape[1], 32), nn.Tanh(), nn.Dropout(0.2), nn.Linear(32, 2)
    )
    optimizer = torch.optim.AdamW(learner.parameters(), lr=0.01, weight_decay=0.1)
    held = len(labels) // 3
    for _ in range(150):
        loss = functional.cross_entropy(learner(features[held:]), labels[held:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    learner.eval()
    with torch.no_grad():
        right = (learner(features[:held]).argmax(1) == labels[:held]).float().mean().item()
    share = labels.float().mean().item()
    chance = max(share, 1 - share)
    return right, chance, chance + 3.3 * (chance * (1 - chance) / held) ** 0.5


@pytest.mark.parametrize("objective", ["bert", "albert"])
def test_shapes_tell_nothing(corpus: str, objective: str) -> None:
    features, labels = shapes_of(asked(corpus, objective))
    assert len(labels) > ROWS / 3
    assert abs(labels.float().mean().item() - 0.5) < 3.3 * 0.5 / len(labels) ** 0.5
    right, _, bound = told(features, labels)
    assert right < bound


@pytest.mark.parametrize("objective", ["bert", "albert"])
def test_the_learner_finds_a_small_leak(corpus: str, objective: str) -> None:
    """One in four of the pairs with label 1 has lost its last token."""
    features, labels = shapes_of(asked(corpus, objective), lost=4)
    right, _, bound = told(features, labels)
    assert right > bound


def test_electra_is_not_asked(corpus: str) -> None:
    samples = stream(corpus, "electra")
    assert (samples.batch(0, 500)[:, 3] == NOT_ASKED).all()
    samples.close()
