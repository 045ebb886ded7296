"""Objectives: one file each.  An objective holds the model and turns a batch into loss terms."""

from __future__ import annotations

from trainer.config import RunRecipe
from trainer.objectives.base import Objective
from trainer.objectives.causal import Causal

OBJECTIVES: dict[str, type[Objective]] = {"causal": Causal}


def build_objective(recipe: RunRecipe) -> Objective:
    """The recipe's objective with its model, weights not initialised."""
    return OBJECTIVES[recipe.objective].from_recipe(recipe)
