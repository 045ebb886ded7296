from __future__ import annotations

from pathlib import Path

import pytest

from trainer.models.gpt import GPT
from trainer.objectives.causal import Causal
from trainer.optim.batch_schedule import Batches
from trainer.plan.plan import Hardware, describe_plan, flops_per_token, parameters, plan_run
from trainer.settings.recipe import RECIPES, ModelSettings, TrainSettings, read_run_recipe

# Brown et al. 2020, table D.1: parameters in millions, and FLOPs of the whole training.
PAPER = {
    "gpt3-125m": (125, 2.25e20),
    "gpt3-350m": (356, 6.41e20),
    "gpt3-760m": (760, 1.37e21),
    "gpt3-1.3b": (1320, 2.38e21),
    "gpt3-2.7b": (2650, 4.77e21),
    "gpt3-6.7b": (6660, 1.20e22),
    "gpt3-13b": (12850, 2.31e22),
    "gpt3-175b": (174600, 3.14e23),
}


@pytest.mark.parametrize("recipe", PAPER)
def test_the_plan_is_the_papers_table(recipe: str) -> None:
    millions, flops = PAPER[recipe]
    plan = plan_run(recipe)
    assert plan.parameters / 1e6 == pytest.approx(millions, rel=0.004)
    assert plan.flops == pytest.approx(flops, rel=0.006)
    assert plan.tokens == pytest.approx(300e9, rel=1e-4)


def test_every_bundled_recipe_is_valid() -> None:
    names = {path.stem for path in RECIPES.glob("*.toml")}
    assert names >= {"gpt2-tiny", "gpt2-124m", *PAPER}
    assert {read_run_recipe(name).objective for name in names} >= {"causal"}


def test_counts_are_those_of_the_model() -> None:
    settings = ModelSettings(layers=3, width=32, heads=4, context=24, vocab=128)
    model = GPT(settings)
    assert parameters(settings, 128) == sum(p.numel() for p in model.parameters())
    assert flops_per_token(settings, 128) == Causal(model).flops_per_token()


def test_the_plan_says_epochs_and_what_does_not_fit(tokens: Path) -> None:
    plan = plan_run("gpt2-tiny", data=str(tokens))
    assert plan.epochs is not None and 1 < plan.epochs < 10
    hardware = Hardware(gpus=1024)
    said = "\n".join(describe_plan(plan_run("gpt3-175b", hardware=hardware), hardware))
    assert "174,604,259,328" in said and "PFLOP/s-days" in said
    alone = "\n".join(describe_plan(plan_run("gpt3-13b"), Hardware()))
    assert "does not fit into 80 GB: set train.parallel=fsdp on 4 GPUs" in alone


def test_a_growing_batch_takes_every_sequence_once() -> None:
    batches = Batches.of(TrainSettings(steps=50, batch=64, batch_start=4, batch_warmup=10))
    consumed, sizes = 0, []
    while size := batches.at(consumed):
        assert batches.position(len(sizes)) == consumed
        sizes.append(size)
        consumed += size
    assert consumed == 50 * 64 and sizes[0] == 4 and sizes[:-1] == sorted(sizes[:-1])
    assert sizes.count(64) > 30 and len(sizes) > 50


@pytest.mark.parametrize("world", [1, 2, 3, 7])
def test_processes_share_a_step_without_rest(world: int) -> None:
    batches = Batches(64, 10, 0, 0)
    shares = [batches.share(10, rank, world) for rank in range(world)]
    assert [n for share in shares for n in share] == list(range(10))
