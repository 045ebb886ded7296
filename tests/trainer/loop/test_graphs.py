"""A compiled step is one graph: nothing in an objective sends Python back to the interpreter."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from trainer_runs import SMALL

from trainer.data.shard_set import find_shards
from trainer.data.tokenizers import read_tokenizer
from trainer.models.linear import multiply_in_fp8
from trainer.objectives import build_objective, open_stream
from trainer.run.run import with_vocabulary
from trainer.settings.recipe import read_run_recipe

DECODER = [f"{name}={value}" for name, value in SMALL.items()]
ENCODER = ["model.width=32", "model.layers=2", "model.heads=2", "model.dropout=0.1"]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("gpt2-tiny", [*DECODER, "train.loss_chunk=100"]),
        ("gpt2-tiny", [*DECODER, "train.precision=fp8"]),
        ("gpt-modern-tiny", [*DECODER, "model.band=16", "model.tied=false"]),
        ("albert-tiny", ENCODER),
        ("bert-tiny", ENCODER),
        ("electra-tiny", [*ENCODER, "train.loss_chunk=20"]),
        ("modernbert-tiny", [*ENCODER, "model.band=8"]),
    ],
)
def test_a_compiled_step_has_no_graph_break(
    tokens: Path, encoder_tokens: Path, name: str, settings: list[str]
) -> None:
    shards = find_shards(str(tokens if name.startswith("gpt") else encoder_tokens))
    tokenizer = read_tokenizer(shards.tokenizer)
    recipe = with_vocabulary(read_run_recipe(name, settings), tokenizer)
    objective = build_objective(recipe, None, tokenizer).train()
    objective.init_weights(1)
    if recipe.train.precision == "fp8":
        multiply_in_fp8(objective.shards())
    stream = open_stream(recipe, shards, "train")
    rows = torch.from_numpy(stream.batch(0, 3))
    stream.close()
    batch = {"samples": torch.arange(3), **objective.prepare(rows)}
    explained = torch._dynamo.explain(objective)(batch)
    assert explained.graph_break_count == 0, explained.break_reasons
    assert explained.graph_count == 1
