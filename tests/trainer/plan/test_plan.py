from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.store.errors import SettingError
from trainer.data.shard_set import find_shards
from trainer.data.tokenizers import read_tokenizer
from trainer.objectives import build_objective
from trainer.optim.batch_schedule import Batches
from trainer.plan.describe import describe_plan
from trainer.plan.plan import Hardware, plan_run
from trainer.run.run import with_vocabulary
from trainer.settings.recipe import RECIPES, TrainSettings, read_run_recipe

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


@pytest.mark.parametrize("name", ["gpt2-tiny", "albert-tiny", "electra-tiny"])
def test_what_is_trained_is_what_the_run_holds(
    name: str, tokens: Path, encoder_tokens: Path
) -> None:
    data = str(tokens if name.startswith("gpt") else encoder_tokens)
    tokenizer = read_tokenizer(find_shards(data).tokenizer)
    recipe = with_vocabulary(read_run_recipe(name, ["model.vocab_multiple=1"]), tokenizer)
    objective = build_objective(recipe, None, tokenizer)
    plan = plan_run(name, data=data)
    assert plan.vocabulary == tokenizer.get_vocab_size() < 2000  # not the recipe's usual one
    assert plan.trained == sum(p.numel() for p in objective.parameters())
    assert plan.flops_per_token == objective.flops_per_token()
    assert plan.epochs is not None


def test_another_vocabulary_than_the_shards_is_refused(tokens: Path) -> None:
    with pytest.raises(SettingError, match=r"model\.vocab = 5, but the shards' tokenizer"):
        plan_run("gpt2-tiny", ["model.vocab=5"], str(tokens))


@pytest.mark.parametrize("recipe", sorted(path.stem for path in RECIPES.glob("*.toml")))
def test_every_bundled_recipe_has_a_plan(recipe: str) -> None:
    plan = plan_run(recipe)
    assert plan.trained >= plan.parameters > 100_000
    assert all(size >= 0 for size in plan.bytes_by_part.values())


def test_muon_keeps_less_than_adamw() -> None:
    bytes_of = [
        plan_run("gpt2-124m", [f"optim.name={name}"]).bytes_by_part["optimizer (fp32)"]
        for name in ("muon", "adamw")
    ]
    assert bytes_of[1] == 8 * 124_439_808 > bytes_of[0] > 4 * 124_439_808


def test_the_plan_says_what_does_not_fit() -> None:
    hardware = Hardware(gpus=1024)
    lines = "\n".join(describe_plan(plan_run("gpt3-175b", hardware=hardware), hardware))
    assert "174,604,259,328" in lines and "PFLOP/s-days" in lines
    alone = "\n".join(describe_plan(plan_run("gpt3-13b"), Hardware()))
    assert "does not fit into 80 GB: set train.parallel=fsdp on 4 GPUs" in alone


def test_devices_are_known_by_their_whole_names() -> None:
    assert Hardware(name="NVIDIA L40").device.flops != Hardware(name="NVIDIA L4").device.flops
    assert Hardware(name="NVIDIA A40").device != Hardware(name="NVIDIA RTX A4000").device
    with pytest.raises(SettingError, match="Did you mean NVIDIA H200"):
        plan_run("gpt2-tiny", hardware=Hardware(name="NVIDIA H200 SXM"))


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
