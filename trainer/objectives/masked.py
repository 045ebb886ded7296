"""Which tokens of a sample are to be predicted, and what stands in their place.

All on the device, without a read back, and a pure function of (seed, sample): the number of
places is static, and a weight of 0 marks those that a sample does not use.

Sources: Devlin et al. 2018, section 3.1 (80/10/10); Lan et al. 2019, section 4.1 (n-grams) and
google-research/albert `create_pretraining_data.py`, `create_masked_lm_predictions`; Clark et
al. 2020 and google-research/electra `pretrain/pretrain_helpers.py`, `mask`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.store.errors import SettingError
from trainer.data.seeds import seed_for
from trainer.data.vocabulary import Vocabulary
from trainer.models.noise import uniforms
from trainer.objectives.ngrams import choose_ngrams
from trainer.settings.objective import MaskSettings


@dataclass(frozen=True)
class Masked:
    """A masked batch.

    `inputs` (batch, positions): what the model reads.  `places`, `targets`, both int64, and
    `used`, bool, (batch, most): positions to predict, their tokens, and which entries count.
    """

    inputs: Tensor
    places: Tensor
    targets: Tensor
    used: Tensor


def budget(settings: MaskSettings, context: int) -> int:
    """The static number of places: the share of the longest sample, or `settings.most`."""
    most = max(1, int((settings.rate + 0.005) * context))  # ELECTRA's formula
    return min(most, settings.most) if settings.most else most


class Masker:
    """Masks the samples of a run.  `seed` is the run's."""

    def __init__(
        self, settings: MaskSettings, vocabulary: Vocabulary, context: int, seed: int
    ) -> None:
        self.settings, self.vocabulary = settings, vocabulary
        self.most = budget(settings, context)
        self._seeds = {
            name: seed_for(seed, "mask", name) for name in ("order", "n", "kind", "token")
        }
        self._tables: dict[torch.device, tuple[Tensor, Tensor]] = {}
        self._weights: Tensor | None = None

    def weigh(self, counts: NDArray[np.int64], power: float) -> None:
        """Has a token chosen with a chance by its count to the power of minus `power`.

        Sanh et al.'s release (`distiller.py`, `token_probs`) smooths so, after word2vec and XLM.
        Raises SettingError for n-grams and draws with replacement, which are of other releases.
        """
        if self.settings.ngrams or self.settings.mode == "release":
            raise SettingError(
                "Masks by frequency choose single tokens without replacement",
                'Set mask.ngrams=0 and mask.mode="paper", or distil.smoothing=0',
            )
        self._weights = torch.from_numpy(np.maximum(counts, 1) ** -power)

    def __call__(self, ids: Tensor, lengths: Tensor, samples: Tensor) -> Masked:
        """Ids (batch, positions), their real lengths and sample numbers, int64 (batch)."""
        _, starts = self._table(ids.device)
        position = torch.arange(ids.shape[1], device=ids.device)
        candidates = ~self.special(ids) & (position < lengths[:, None])
        wanted = (lengths.double() * self.settings.rate).round().long().clamp(1, self.most)
        places, used = self._choose(ids, candidates, wanted, starts, samples)
        targets = ids.gather(1, places)
        replaced = self._replaced(ids, places, samples)
        return Masked(scatter(ids, places, replaced, used), places, targets, used)

    def special(self, ids: Tensor) -> Tensor:
        """Which of the ids are special tokens, such as [CLS]: never masked."""
        return self._table(ids.device)[0][ids]

    def _choose(
        self, ids: Tensor, candidates: Tensor, wanted: Tensor, starts: Tensor, samples: Tensor
    ) -> tuple[Tensor, Tensor]:
        count = ids.shape[1]
        order = uniforms(samples, count, self._seeds["order"])
        if self.settings.ngrams:
            draws = uniforms(samples, count, self._seeds["n"])
            # A piece that follows a special token begins what is left of its word.
            cut = torch.cat([torch.ones_like(candidates[:, :1]), ~candidates[:, :-1]], dim=1)
            first = candidates & (starts[ids] | cut)
            across = self.settings.mode == "release"
            chosen = choose_ngrams(
                candidates, first, wanted, order, draws, self.settings.ngrams, self.most, across
            )
            return first_places(chosen, self.most)
        if self.settings.mode == "release":
            return self._with_replacement(candidates, wanted, order)
        if self._weights is not None:
            self._weights = self._weights.to(ids.device)
            order = -order.log() / self._weights[ids]
        rank = order.masked_fill(~candidates, math.inf)
        kept, places = rank.topk(self.most, dim=1, largest=False)
        number = torch.arange(self.most, device=ids.device)
        return places, (number < wanted[:, None]) & kept.isfinite()

    def _with_replacement(
        self, candidates: Tensor, wanted: Tensor, draws: Tensor
    ) -> tuple[Tensor, Tensor]:
        """ELECTRA's `tf.random.categorical`: the same position may come more than once."""
        count = candidates.sum(1, keepdim=True)
        nth = (draws[:, : self.most] * count).long().clamp_max((count - 1).clamp_min(0))
        reached = candidates.cumsum(1)
        places = torch.searchsorted(reached, nth + 1).clamp_max(candidates.shape[1] - 1)
        number = torch.arange(self.most, device=candidates.device)
        return places, (number < wanted[:, None]) & (count > 0)

    def _replaced(self, ids: Tensor, places: Tensor, samples: Tensor) -> Tensor:
        """[MASK], a random token or the token itself, drawn for each position on its own."""
        settings, size = self.settings, self.vocabulary.size
        kind, token = (
            uniforms(samples, ids.shape[1], self._seeds[name]).gather(1, places)
            for name in ("kind", "token")
        )
        anything = (token * size).long().clamp_max(size - 1)
        kept = ids.gather(1, places)
        result = torch.where(kind < settings.masked + settings.random, anything, kept)
        return result.masked_fill(kind < settings.masked, self.vocabulary.mask)

    def _table(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Which tokens are special and which begin a word, both bool (vocabulary)."""
        if device not in self._tables:
            special = torch.zeros(self.vocabulary.size, dtype=torch.bool)
            special[list(self.vocabulary.special)] = True
            starts = torch.tensor(self.vocabulary.starts)
            self._tables[device] = special.to(device), starts.to(device)
        return self._tables[device]


def first_places(chosen: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """The chosen positions of each row, ascending, and which of the `most` entries are used."""
    position = torch.arange(chosen.shape[1], device=chosen.device)
    later = position + chosen.shape[1]
    places = torch.where(chosen, position, later).topk(most, dim=1, largest=False).values
    used = places < chosen.shape[1]
    return places % chosen.shape[1], used


def scatter(ids: Tensor, places: Tensor, values: Tensor, used: Tensor) -> Tensor:
    """`ids` with `values` at the places in use."""
    beyond = ids.shape[1]
    wide = torch.cat([ids, torch.zeros_like(ids[:, :1])], dim=1)
    return wide.scatter(1, places.masked_fill(~used, beyond), values)[:, :beyond]


def scatter_as_released(ids: Tensor, places: Tensor, values: Tensor, used: Tensor) -> Tensor:
    """As google-research/electra's `scatter_update`: several values at one place are added up and
    divided by their number, which makes another token of them (its issue 41).
    """
    index = places.masked_fill(~used, ids.shape[1])
    empty = torch.zeros(ids.shape[0], ids.shape[1] + 1, dtype=ids.dtype, device=ids.device)
    total = empty.scatter_add(1, index, values)[:, :-1]
    count = empty.scatter_add(1, index, torch.ones_like(values))[:, :-1]
    return torch.where(count > 0, total // count.clamp_min(1), ids)
