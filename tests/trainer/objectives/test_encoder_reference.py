"""A hundred steps beside the same objective made of transformers' modules, with the same masks.

The reference has its own forward pass, losses and optimizer (AdamW, which both have);
the batches, masks and draws are ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from beside import losses_beside
from torch import Tensor, nn
from torch.nn import functional

from trainer.data.shard_set import find_shards
from trainer.data.tokenizers import read_tokenizer
from trainer.hf.folder import to_hf
from trainer.models.encoder import Encoder
from trainer.models.noise import drawn
from trainer.models.parts import Parts
from trainer.objectives import build_objective, open_stream
from trainer.objectives.base import Batch, Objective
from trainer.objectives.bert import Albert
from trainer.objectives.electra import Electra
from trainer.run.run import with_vocabulary
from trainer.settings.recipe import RunRecipe, read_run_recipe

STEPS, BATCH = 100, 8
SMALL = ["model.width=64", "model.embedding=32", "model.layers=2", "model.context=48"]


def setup(name: str, tokens: Path) -> tuple[RunRecipe, Any, Objective]:
    shards = find_shards(str(tokens))
    tokenizer = read_tokenizer(shards.tokenizer)
    recipe = with_vocabulary(read_run_recipe(name, SMALL), tokenizer)
    objective = build_objective(recipe, None, tokenizer)
    objective.init_weights(1)
    return recipe, open_stream(recipe, shards, "train"), objective


def filled(theirs: nn.Module, parts: Parts[Encoder]) -> nn.Module:
    theirs.load_state_dict(to_hf(parts), strict=False)
    theirs.tie_weights()  # type: ignore[operator]
    return theirs.train()


def shape(recipe: RunRecipe, width: int, heads: int) -> dict[str, Any]:
    model = recipe.model
    return {
        "vocab_size": model.vocab,
        "embedding_size": 32,
        "hidden_size": width,
        "num_hidden_layers": model.layers,
        "num_attention_heads": heads,
        "intermediate_size": 4 * width,
        "max_position_embeddings": model.context,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "pad_token_id": None,  # with one, its row of the embedding is left out of training
    }


class TheirAlbert(nn.Module):
    def __init__(self, transformers: Any, recipe: RunRecipe, ours: Albert) -> None:
        super().__init__()
        config = transformers.AlbertConfig(**shape(recipe, 64, 4), classifier_dropout_prob=0.0)
        parts = Parts("albert", ours.model, masked=ours.masked, pair=ours.pair)
        self.model = filled(transformers.AlbertForPreTraining(config), parts)

    def forward(self, batch: Batch) -> Tensor:
        row = torch.arange(len(batch["ids"]))[:, None].expand_as(batch["places"])
        used = batch["used"]
        said = self.model(
            batch["inputs"],
            attention_mask=batch["mask"].long(),
            token_type_ids=batch["types"],
        )
        masked = said.prediction_logits[row[used], batch["places"][used]]
        loss = functional.cross_entropy(masked, batch["targets"][used])
        labels = batch["labels"]  # below 0 for a piece of one sentence; all may be
        sums = functional.cross_entropy(
            said.sop_logits, labels.clamp_min(-1), ignore_index=-1, reduction="sum"
        )
        return loss + sums / (labels >= 0).sum().clamp_min(1)


class TheirElectra(nn.Module):
    def __init__(self, transformers: Any, recipe: RunRecipe, ours: Electra) -> None:
        super().__init__()
        config = transformers.ElectraConfig
        small = ours.generator.settings
        generator = transformers.ElectraForMaskedLM(
            config(**shape(recipe, small.width, small.heads))
        )
        judge = transformers.ElectraForPreTraining(config(**shape(recipe, 64, 4)))
        parts = Parts("electra", ours.generator, masked=ours.masked)
        self.generator = filled(generator, parts)
        self.judge = filled(judge, Parts("electra", ours.model, replaced=ours.replaced))
        self.judge.electra.embeddings = self.generator.electra.embeddings  # type: ignore
        self.seed = ours._seed

    def forward(self, batch: Batch) -> Tensor:
        said = {"attention_mask": batch["mask"].long(), "token_type_ids": batch["types"]}
        logits = self.generator(batch["inputs"], **said).logits
        at = logits.gather(1, batch["places"][..., None].expand(-1, -1, logits.shape[2]))
        used = batch["used"]
        mlm = functional.cross_entropy(at[used], batch["targets"][used])
        tokens = drawn(at.detach(), batch["samples"], batch["places"], self.seed)
        replaced = batch["ids"].clone()
        row = torch.arange(len(replaced))[:, None].expand_as(tokens)[used]
        replaced[row, batch["places"][used]] = tokens[used]
        fake = (replaced != batch["ids"]).long()
        loss: Tensor = mlm + 50 * self.judge(replaced, labels=fake, **said).loss
        return loss


@pytest.mark.parametrize("name", ["albert-tiny", "electra-tiny"])
def test_losses_are_those_of_the_reference(encoder_tokens: Path, name: str) -> None:
    transformers = pytest.importorskip("transformers", reason="pip install transformers")
    recipe, stream, ours = setup(name, encoder_tokens)
    theirs: nn.Module
    if isinstance(ours, Albert):
        theirs = TheirAlbert(transformers, recipe, ours)
    else:
        assert isinstance(ours, Electra)
        theirs = TheirElectra(transformers, recipe, ours)
    batches = (
        ours.prepare(torch.from_numpy(stream.batch(step * BATCH, BATCH))) for step in range(STEPS)
    )
    losses = losses_beside(ours, theirs, batches)
    stream.close()
    worst = max(abs(a - b) / b for a, b in losses)
    assert worst < 1e-3, f"worst step differs by {worst:.2e}"
    assert losses[-1][0] < 0.95 * losses[0][0]
