"""Weights and operations of BERT, ALBERT and ELECTRA, for `webtext plan train`.  Needs no torch."""

from __future__ import annotations

from trainer.settings.model import EncoderSettings
from trainer.settings.objective import generator_settings
from trainer.settings.recipe import RunRecipe

#: Vocabulary where neither recipe nor shards say one: the releases'.
VOCABULARIES = {"albert": 30_000, "bert": 30_522, "electra": 30_522}
_TYPES = 2


def kept_parameters(objective: str, settings: EncoderSettings, vocab: int) -> int:
    """What is used after pre-training: the encoder, shared weights once, as the papers count.

    BERT and ALBERT have a layer on [CLS] as well (`pooler`), ELECTRA has none.
    """
    pooler = 0 if objective == "electra" else settings.width * (settings.width + 1)
    return _embeddings(settings, vocab) + _blocks(settings) + pooler


def trained_parameters(recipe: RunRecipe, settings: EncoderSettings, vocab: int) -> int:
    """All that is trained: encoder, heads, and ELECTRA's generator over the same embedding."""
    width = settings.width
    count = kept_parameters(recipe.objective, settings, vocab)
    if recipe.objective == "electra":
        small = generator_settings(settings, recipe.electra)
        replaced = width**2 + 2 * width + 1
        return count + replaced + _blocks(small) + _masked_head(small, vocab)
    return count + _masked_head(settings, vocab) + 2 * width + 2


def encoder_flops(recipe: RunRecipe, settings: EncoderSettings, vocab: int) -> float:
    """Operations of one token, forward and backward; the head over the vocabulary counts for
    masked tokens only.
    """
    share = recipe.mask.rate
    if recipe.mask.most:
        share = min(share, recipe.mask.most / settings.context)
    if recipe.objective != "electra":
        return 6.0 * (_multiplied(settings) + share * _head_matrices(settings, vocab))
    small = generator_settings(settings, recipe.electra)
    towers = _multiplied(settings) + _multiplied(small)
    # The head runs once more, without a way back, to draw the replacements.
    return 6.0 * towers + 8.0 * share * _head_matrices(small, vocab)


def _embeddings(settings: EncoderSettings, vocab: int) -> int:
    return settings.embedding_width * (vocab + settings.context + _TYPES + 2)


def _blocks(settings: EncoderSettings) -> int:
    width, inner = settings.width, settings.inner_width
    block = 4 * width**2 + 2 * width * inner + 9 * width + inner
    between = (settings.embedding_width + 1) * width if settings.projects else 0
    return settings.group_count * settings.inner_layers * block + between


def _masked_head(settings: EncoderSettings, vocab: int) -> int:
    return (settings.width + 3) * settings.embedding_width + vocab


def _head_matrices(settings: EncoderSettings, vocab: int) -> int:
    return settings.embedding_width * (settings.width + vocab)


def _multiplied(settings: EncoderSettings) -> float:
    """Weights that multiply, shared ones as often as they run, and attention's 2 * length."""
    width, depth = settings.width, settings.layers * settings.inner_layers
    matrices = depth * (4 * width**2 + 2 * width * settings.inner_width)
    between = settings.embedding_width * width if settings.projects else 0
    return matrices + between + 2.0 * depth * width * settings.context
