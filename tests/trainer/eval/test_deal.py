"""However many processes share an evaluation, it says the same to the last bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from trainer_runs import SMALL, webtext_by_two

from trainer.eval.deal import dealt
from trainer.eval.evaluate import evaluate_run, judge_run
from trainer.eval.few_shot import FewShot
from trainer.eval.zero_shot import Text, log_likelihoods
from trainer.loop.train import train
from trainer.models.gpt import GPT
from trainer.run.distributed import World
from trainer.settings.recipe import ModelSettings


class Share(World):
    """A process whose sums stay its own, for the test to add up."""

    def add(self, values: Tensor) -> Tensor:
        return values


def together(size: int, run: Callable[[World], Tensor]) -> Tensor:
    shares = [run(Share(rank, size, torch.device("cpu"))) for rank in range(size)]
    return torch.stack(shares).sum(0)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_batches_are_the_same_and_rows_in_order(size: int) -> None:
    seen: list[range] = []

    def compute(some: range) -> Tensor:
        seen.append(some)
        return torch.tensor([[float(n), 0.1 * n] for n in some])

    found = together(size, lambda world: dealt(23, 5, 2, compute, world))
    assert sorted(map(str, seen)) == sorted(str(range(n, min(n + 5, 23))) for n in range(0, 23, 5))
    assert found[:, 0].tolist() == list(range(23))


def test_likelihoods_are_equal_bit_by_bit() -> None:
    model = GPT(ModelSettings(layers=2, width=32, heads=4, context=64, vocab=512))
    model.init_weights(3)
    generator = torch.Generator().manual_seed(6)
    lengths = torch.randint(2, 60, (150,), generator=generator).tolist()
    texts = [Text(torch.randint(512, (n,), generator=generator).tolist(), 1) for n in lengths]
    alone = log_likelihoods(model, texts, World(0, 1, torch.device("cpu")))[0]
    for size in (2, 3):
        shared = together(size, lambda world: log_likelihoods(model, texts, world)[0])
        assert torch.equal(shared, alone)


@pytest.fixture(scope="module")
def run(tokens: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("judged") / "run"
    settings = [f"{k}={v}" for k, v in (SMALL | {"train.steps": 12, "schedule.warmup": 4}).items()]
    train("gpt2-tiny", str(tokens), settings, str(out), "new")
    return out


def test_two_processes_say_what_one_says(run: Path, tmp_path: Path) -> None:
    """Of the validation text and of a task; and only one of them speaks."""
    file = tmp_path / "pairs.jsonl"
    nouns = ("dog", "house", "idea", "king", "river", "word", "year")
    rows = [
        {"sentence_good": f"The {a} of the {b}s is old.",
         "sentence_bad": f"The {a} of the {b}s are old.", "UID": a}
        for a in nouns for b in nouns
    ]  # fmt: skip
    file.write_text("\n".join(map(json.dumps, rows)))
    alone = {
        "loss": evaluate_run(str(run), None, None, print),
        "task": judge_run(str(run), "blimp", str(file), FewShot(), 0, None, print),
    }
    assert len(alone["task"]) == 4 + len(nouns)  # accuracy, its bounds and the number of items
    options = {"loss": (), "task": ("--task", "blimp", "--file", str(file))}
    for name, more in options.items():
        said = tmp_path / f"{name}.json"
        output = webtext_by_two("--result", str(said), "eval", str(run), *more)
        assert json.loads(said.read_text()) == alone[name]
        first = next(iter(alone[name]))
        assert output.count(f"{first}: ") == 1
