"""The plan's counts against transformers' own models and the papers'."""

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


def test_the_modern_ones_count_as_transformers_does() -> None:
    transformers = pytest.importorskip("transformers", reason="pip install transformers")
    decoder = read_run_recipe("gpt-modern").model
    config = transformers.Qwen3Config(
        vocab_size=50_257,
        hidden_size=decoder.width,
        num_hidden_layers=decoder.layers,
        num_attention_heads=decoder.heads,
        num_key_value_heads=decoder.kv_heads,
        head_dim=decoder.each_head,
        intermediate_size=decoder.inner,
    )
    with torch.device("meta"):
        models = {
            "modernbert": transformers.ModernBertModel(transformers.ModernBertConfig()),
            "gpt-modern": transformers.Qwen3ForCausalLM(config),
        }
    for recipe, model in models.items():
        assert plan_run(recipe).parameters == sum(p.numel() for p in model.parameters())


def test_windows_and_shared_heads_are_counted() -> None:
    """Six for each weight that multiplies; twelve for each key of each head that is seen."""
    plan = plan_run("gpt-modern")
    embedding = 50_257 * 768
    norms = 12 * (2 * 768 + 2 * 64) + 768
    matrices = plan.parameters - embedding - norms
    keys = 3 * 1024 + 9 * 256
    assert plan.flops_per_token == 6 * matrices + 12 * keys * 768
    wide = plan_run("gpt-modern", ["model.kv_heads=12"])
    activations = "activations (bf16)"
    assert wide.bytes_by_part[activations] > plan.bytes_by_part[activations]
