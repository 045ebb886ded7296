"""The plan's counts against transformers' own models and against our modules."""

from __future__ import annotations

import pytest
import torch

from trainer.data.vocabulary import Vocabulary
from trainer.objectives.bert import Albert
from trainer.objectives.electra import Electra
from trainer.objectives.masked import Masker
from trainer.plan.plan import plan_run
from trainer.settings.recipe import EncoderSettings, read_run_recipe

#: What the papers print, in millions (ALBERT table 1, ELECTRA table 1, BERT section 3).
PAPERS = {
    "albert-base-v2": 12,
    "albert-large-v2": 18,
    "albert-xlarge-v2": 60,
    "electra-small": 14,
    "electra-base": 110,
    "electra-large": 335,
    "bert-base": 110,
}


@pytest.mark.parametrize(("recipe", "millions"), PAPERS.items())
def test_sizes_are_the_papers(recipe: str, millions: int) -> None:
    assert plan_run(recipe).parameters / 1e6 == pytest.approx(millions, rel=0.045)


def test_albert_xxlarge_is_the_released_one() -> None:
    """The paper's table says 235 million; the released checkpoint has 222.6."""
    assert plan_run("albert-xxlarge-v2").parameters == 222_595_584


@pytest.mark.parametrize("size", ["base", "large", "xlarge", "xxlarge"])
def test_albert_counts_as_transformers_does(size: str) -> None:
    transformers = pytest.importorskip("transformers", reason="pip install transformers")
    model = read_run_recipe(f"albert-{size}-v1").model
    config = transformers.AlbertConfig(
        hidden_size=model.width,
        num_hidden_layers=model.layers,
        num_attention_heads=model.heads,
        intermediate_size=4 * model.width,
    )
    with torch.device("meta"):
        theirs = transformers.AlbertModel(config)
    counted = sum(p.numel() for p in theirs.parameters())
    assert plan_run(f"albert-{size}-v1").parameters == counted


@pytest.mark.parametrize("name", ["albert-tiny", "electra-tiny"])
def test_what_is_trained_is_what_our_modules_hold(name: str) -> None:
    size = 1024
    recipe = read_run_recipe(name, [f"model.vocab={size}"])
    settings = recipe.model
    assert isinstance(settings, EncoderSettings)
    vocabulary = Vocabulary(size, 0, 1, 2, 3, frozenset({0, 1, 2, 3}), (True,) * size)
    masker = Masker(recipe.mask, vocabulary, settings.context, 1)
    objective: Albert | Electra
    if recipe.objective == "albert":
        objective = Albert(settings, masker)
    else:
        objective = Electra(settings, recipe.electra, masker, 1)
    held = sum(p.numel() for p in objective.parameters())
    plan = plan_run(name, [f"model.vocab={size}"])
    assert plan.trained == held
    assert plan.flops_per_token == pytest.approx(objective.flops_per_token(), rel=0.05)
