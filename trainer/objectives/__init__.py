"""Objectives: one file each.  An objective holds the model and turns a batch into loss terms."""

from __future__ import annotations

from trainer.config import RunRecipe
from trainer.objectives.base import Objective
from trainer.objectives.causal import Causal

OBJECTIVES: dict[str, type[Objective]] = {"causal": Causal}


def build_objective(recipe: RunRecipe, end_token: int | None) -> Objective:
    """The recipe's objective with its model, weights not initialised.

    `end_token` is the tokenizer's token for the end of a document.
    """
    return OBJECTIVES[recipe.objective].from_recipe(recipe, end_token)
