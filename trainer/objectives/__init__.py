"""Objectives: one file each.  An objective holds the model and turns a batch into loss terms."""

from __future__ import annotations

from tokenizers import Tokenizer

from trainer.objectives.base import Objective
from trainer.objectives.bert import Albert, Bert
from trainer.objectives.causal import Causal
from trainer.objectives.electra import Electra
from trainer.settings.recipe import RunRecipe

OBJECTIVES: dict[str, type[Objective]] = {
    "causal": Causal,
    "bert": Bert,
    "albert": Albert,
    "electra": Electra,
}


def build_objective(
    recipe: RunRecipe, end_token: int | None, tokenizer: Tokenizer | None = None
) -> Objective:
    """The recipe's objective with its model, weights not initialised.

    `end_token` is the tokenizer's token for the end of a document.  Encoders need the tokenizer.
    """
    return OBJECTIVES[recipe.objective].from_recipe(recipe, end_token, tokenizer)
