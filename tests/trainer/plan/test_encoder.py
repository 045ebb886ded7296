"""The plan's counts against transformers' own models and against our modules."""

from __future__ import annotations

import pytest
import torch

from trainer.plan.plan import plan_run
from trainer.settings.recipe import read_run_recipe

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
