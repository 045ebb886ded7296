"""The samples of a recipe: the one place that says which objective reads which stream."""

from __future__ import annotations

from trainer.config import RunRecipe
from trainer.data.shards import Shards
from trainer.data.stream import Stream


def open_stream(recipe: RunRecipe, shards: Shards, split: str) -> Stream:
    """The samples of a split; those of `train` are shuffled.

    Raises WebtextError when the split has not one sample, SettingError when `[data]` does not
    fit the corpora.
    """
    settings = recipe.data
    shuffled = split == "train"
    return Stream(shards, split, recipe.model.context, settings.seed, shuffled, settings)
