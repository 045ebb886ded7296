"""The samples of a recipe: the one place that says which objective reads which stream."""

from __future__ import annotations

from trainer.data.pairs import PairStream
from trainer.data.samples import Samples
from trainer.data.shard_set import Shards
from trainer.data.stream import Stream
from trainer.data.vocabulary import Vocabulary
from trainer.settings.recipe import RunRecipe


def open_stream(recipe: RunRecipe, shards: Shards, split: str) -> Samples:
    """The samples of a split; those of `train` are shuffled.

    Raises WebtextError when the split has not one sample, SettingError when `[data]` does not
    fit the corpora.
    """
    settings = recipe.data
    shuffled = split == "train"
    if recipe.objective != "causal":
        vocabulary = Vocabulary.read(shards.tokenizer)
        marks = vocabulary.cls, vocabulary.sep
        return PairStream(shards, split, recipe, marks, shuffled)
    return Stream(shards, split, recipe.model.context, settings.seed, shuffled, settings)
