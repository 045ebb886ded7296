"""Objectives: one file each.  An objective holds the model and turns a batch into loss terms."""

from __future__ import annotations

from tokenizers import Tokenizer

from trainer.data.samples import Samples
from trainer.data.shard_set import Shards
from trainer.objectives.base import Objective
from trainer.settings.recipe import RunRecipe
from trainer.settings.registries import OBJECTIVES


def objective_class(recipe: RunRecipe) -> type[Objective]:
    """The class of the recipe's objective."""
    kind = OBJECTIVES.get(recipe.objective, "objective")
    assert issubclass(kind, Objective)
    return kind


def build_objective(
    recipe: RunRecipe, end_token: int | None, tokenizer: Tokenizer | None = None
) -> Objective:
    """The recipe's objective with its model, weights not initialised."""
    return objective_class(recipe).from_recipe(recipe, end_token, tokenizer)


def open_stream(recipe: RunRecipe, shards: Shards, split: str) -> Samples:
    """The samples of a split, as the recipe's objective wants them."""
    return objective_class(recipe).open_stream(recipe, shards, split)
