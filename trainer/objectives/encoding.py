"""What the encoders' objectives have in common: settings, masks, batch and masked loss."""

from __future__ import annotations

from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from pipeline.store.errors import SettingError
from trainer.data.header import HEADER
from trainer.data.vocabulary import Vocabulary
from trainer.models.encoder import Embeddings, Encoder
from trainer.models.heads import MaskedHead
from trainer.models.layout import BatchLayout, places_where
from trainer.objectives.base import Batch, Filled
from trainer.objectives.cross_entropy import IGNORED, Draws, cross_entropy_and_tokens
from trainer.objectives.masked import Masker
from trainer.settings.model import EncoderSettings
from trainer.settings.recipe import RunRecipe

#: Bins of the histograms that the area under the ROC curve is computed from.
_BINS = 1024


def encoder_settings(recipe: RunRecipe) -> EncoderSettings:
    """The recipe's `[model]`; SettingError when it is no encoder."""
    if not isinstance(recipe.model, EncoderSettings):
        raise SettingError(f"objective = {recipe.objective} needs an encoder", "Set model.kind")
    return recipe.model


def masker_of(recipe: RunRecipe, tokenizer: Tokenizer | None) -> Masker:
    """The masks of a run; they follow from `data.seed` and the number of the sample."""
    if tokenizer is None:
        raise SettingError(
            f"objective = {recipe.objective} needs the shards' tokenizer",
            "Give the tokenizer that is beside them",
        )
    vocabulary = Vocabulary.of(tokenizer)
    return Masker(recipe.mask, vocabulary, recipe.model.context, recipe.data.seed)


class Rows(NamedTuple):
    """Rows of a `PairStream`, taken apart.  The first dimension of each is the sample."""

    ids: Tensor
    types: Tensor
    lengths: Tensor
    samples: Tensor
    labels: Tensor


def take_apart(rows: Tensor, pad: int) -> Rows:
    """Rows int32 (batch, HEADER + context) on the device; those of -1 are samples of length 0."""
    header, tokens = rows[:, :HEADER].long(), rows[:, HEADER:].long()
    real = tokens >= 0
    position = torch.arange(tokens.shape[1], device=rows.device)
    return Rows(
        ids=tokens.masked_fill(~real, pad),
        types=((position >= header[:, 2:3]) & real).long(),
        lengths=real.sum(1),
        samples=header[:, 0] + (header[:, 1] << 31),
        labels=header[:, 3],
    )


def plain_batch(
    rows: Tensor, pad: int, encoder: Encoder, filled: Filled | None
) -> dict[str, Tensor]:
    """The batch of an encoder without masks: its samples as they are.

    ids, types, mask (batch, positions); samples, labels (batch); and index (vectors,) where padding
    is passed by: it is made here, so that the compiled part knows how many there are.  `filled`:
    see `Objective.prepare`.
    """
    apart = take_apart(rows, pad)
    position = torch.arange(apart.ids.shape[1], device=rows.device)
    # All of the header but the label, which may be -1, is no token.
    most = None if filled is None else int((filled - HEADER + 1).clip(0).sum())
    layout = encoder.layout(position < apart.lengths[:, None], most)
    index = {} if layout.index is None else {"index": layout.index}
    return index | {
        "ids": apart.ids,
        "types": apart.types,
        "mask": layout.mask,
        "samples": apart.samples,
        "labels": apart.labels,
    }


def masked_batch(
    rows: Tensor, masker: Masker, encoder: Encoder, filled: Filled | None
) -> dict[str, Tensor]:
    """The same, with inputs (batch, positions), and places, targets, used (batch, most)."""
    batch = plain_batch(rows, masker.vocabulary.pad, encoder, filled)
    masked = masker(batch["ids"], batch["mask"].sum(1), batch["samples"])
    return batch | {
        "inputs": masked.inputs,
        "places": masked.places,
        "targets": masked.targets,
        "used": masked.used,
    }


def layout_of(batch: Batch) -> BatchLayout:
    """Where the vectors of a batch of `masked_batch` lie."""
    return BatchLayout.at(batch["mask"], batch.get("index"))


def at_places(hidden: Tensor, places: Tensor) -> Tensor:
    """States (batch, positions, width) at places (batch, most) -> (batch, most, width)."""
    return hidden.gather(1, places[..., None].expand(-1, -1, hidden.shape[2]))


def masked_loss(
    head: MaskedHead, embeddings: Embeddings, states: Tensor, batch: Batch, chunk: int
) -> Tensor:
    """Summed cross-entropy of the masked tokens; states (batch, most, width).

    `chunk` rows of logits are alive at a time.
    """
    return masked_loss_and_tokens(head, embeddings, states, batch, chunk, None)[0]


def masked_loss_and_tokens(
    head: MaskedHead,
    embeddings: Embeddings,
    states: Tensor,
    batch: Batch,
    chunk: int,
    draws: Draws | None,
) -> tuple[Tensor, Tensor]:
    """The same, and a token (batch * most) drawn for each place; without `draws` none.

    Where the places in use can be listed, no logits are made of the others.
    """
    states, targets, used = (
        states.flatten(0, 1),
        batch["targets"].flatten(),
        batch["used"].flatten(),
    )
    listed = places_where(used)
    if listed is None:
        targets = targets.masked_fill(~used, IGNORED)
    else:
        states, targets = states[listed], targets[listed]
        draws = None if draws is None else draws.of(listed)
    loss, tokens = cross_entropy_and_tokens(
        head.before(states),
        embeddings.tokens.weight,
        head.bias,
        targets,
        head.vocab,
        chunk,
        draws,
    )
    if listed is not None and draws is not None:
        tokens = tokens.new_zeros(len(used)).index_copy(0, listed, tokens)
    return loss, tokens


def pair_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Summed cross-entropy over the samples that have a label (batch; -1: none)."""
    return functional.cross_entropy(logits, labels, ignore_index=-1, reduction="sum")


def score_histograms(logits: Tensor, positive: Tensor, counted: Tensor) -> Tensor:
    """How many of the negatives and of the positives fall into each bin of probability.

    Float64 (2, bins): tallies of batches and processes add up.
    """
    bins = (logits.float().sigmoid() * _BINS).long().clamp(0, _BINS - 1)
    bins_of = torch.where(positive, bins + _BINS, bins).flatten()
    weight = counted.flatten().double()
    return (
        torch.zeros(2 * _BINS, dtype=torch.float64, device=logits.device)
        .scatter_add(0, bins_of, weight)
        .view(2, _BINS)
    )


def area_under_curve(histograms: Tensor) -> float:
    """Chance that a positive scores above a negative, ties half; nan where one kind is missing."""
    negatives, positives = histograms[0], histograms[1]
    below = negatives.cumsum(0) - negatives
    wins = (positives * (below + negatives / 2)).sum()
    return float(wins / (negatives.sum() * positives.sum()))


def entropy_of_share(histograms: Tensor) -> float:
    """Entropy in nats of the share of positives; 0 where one kind is missing."""
    return _entropy(histograms.sum(1))


def _entropy(counts: Tensor) -> float:
    """Entropy in nats of the shares of some kinds; 0 where nothing was counted."""
    return float(torch.special.entr(counts / counts.sum().clamp_min(1)).sum())


def hidden_targets(batch: Batch, vocab: int) -> Tensor:
    """How often each token is asked for where the input does not show it: float64 (vocab)."""
    shown = batch["inputs"].gather(1, batch["places"]) == batch["targets"]
    weight = (batch["used"] & ~shown).flatten().double()
    zeros = torch.zeros(vocab, dtype=torch.float64, device=weight.device)
    return zeros.scatter_add(0, batch["targets"].flatten(), weight)


def frequency_loss(hidden: Tensor, asked: float) -> float:
    """Loss in nats of a model that copies what it is shown and otherwise knows frequencies only.

    `hidden`: of `hidden_targets`; `asked`: all masked tokens.  Only a model that uses the text
    around a masked token gets below.  Where random tokens stand as well (BERT, ALBERT), it does
    not know what to copy, and frequencies alone do not get as far.
    """
    return float(hidden.sum()) / max(asked, 1) * _entropy(hidden)
