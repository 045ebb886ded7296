"""Samples of the run by number, whatever they are cut into: what `Stream` and encoders share."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.store import files
from pipeline.store.errors import SettingError, WebtextError
from trainer.data.blocks import Blocks
from trainer.data.cache import DiskCache, default_folder
from trainer.data.mixture import Mixture
from trainer.data.numbering import Numbering, SampleRange
from trainer.data.shard import open_shard
from trainer.data.shard_set import Shards
from trainer.data.token_row import SampleLayout, Span, TokenRow, span_of
from trainer.settings.data import DataSettings

_GIGABYTE = 1_000_000_000
_AHEAD = 4096  # samples that are located at once
_LARGEST_TOKEN = 4  # bytes of an int32


@dataclass(frozen=True)
class _Plan:
    """Of samples from `first` on: part, place, block, and where the tokens are in the block."""

    first: int
    parts: list[int]
    places: list[int]
    blocks: list[int]
    starts: list[int]
    stops: list[int]


class SampleReader:
    """The samples of a split.

    `cut` makes a layout of each part's row; `length` is the largest sample, in tokens.
    `seed` None takes all shards of the last generation as they lie; otherwise corpora are
    mixed by `settings.weights` and each epoch of each is shuffled.
    Raises SettingError when weights and corpora, or cache and window, do not fit, and
    WebtextError when a corpus has not one sample.
    """

    def __init__(
        self,
        shards: Shards,
        split: str,
        cut: Callable[[TokenRow], SampleLayout],
        length: int,
        seed: int | None,
        settings: DataSettings,
    ) -> None:
        self._cache = DiskCache(
            Path(settings.cache) if settings.cache else default_folder(),
            int(settings.cache_gb * _GIGABYTE),
        )
        self._block = max(1, settings.block // length)
        remote = any(files.is_remote(corpus.root) for corpus in shards.corpora)
        self._threads = ThreadPoolExecutor(settings.threads, "shards") if remote else None
        if remote:
            self._check_cache(settings)
        self.blocks: list[Blocks] = []
        corpora = list(self._parts(shards, split, cut, seed is not None))
        mixture = _mixture(settings, len(corpora))
        self.numbering = Numbering(corpora, mixture, seed, self._block, settings.window)
        #: Samples of one epoch of every corpus, in its last generation.
        self.samples = sum(parts[-1].size for parts in corpora)
        ends = np.cumsum([len(parts) for parts in corpora])
        self._window, self._plan = settings.window, _Plan(0, [], [], [], [], [])
        #: The last generation of each corpus.
        self.current = [self.blocks[end - 1] for end in ends.tolist()]
        self._held: dict[int, tuple[int, int]] = {}  # corpus -> its windows at hand

    def _check_cache(self, settings: DataSettings) -> None:
        needed = 2 * settings.block * settings.window * _LARGEST_TOKEN / _GIGABYTE
        if settings.cache_gb < needed:
            raise SettingError(
                f"data.cache_gb = {settings.cache_gb} cannot hold two windows of "
                f"{settings.window} blocks",
                f"Set it to at least {needed:.2g}, or data.window to less",
            )

    def _parts(
        self, shards: Shards, split: str, cut: Callable[[TokenRow], SampleLayout], shuffled: bool
    ) -> Iterator[list[SampleRange]]:
        """The parts of each corpus; of unshuffled ones, one part in all."""
        if not shuffled:
            last = [corpus.sizes(split, corpus.generations[-1]) for corpus in shards.corpora]
            sizes = {prefix: size for found in last for prefix, size in found.items()}
            yield [SampleRange(0, self._open(sizes, cut, f"{split} shards of {shards.name}"), "")]
            return
        for corpus in shards.corpora:
            name = f"{split} shards of {corpus.name}"
            yield [
                SampleRange(g.first, self._open(corpus.sizes(split, g), cut, name), g.fingerprint)
                for g in corpus.generations
            ]

    def _open(
        self, sizes: dict[str, int], cut: Callable[[TokenRow], SampleLayout], name: str
    ) -> int:
        row = TokenRow([open_shard(prefix, size, self._cache) for prefix, size in sizes.items()])
        layout = cut(row)
        if layout.size < 1:
            raise WebtextError(
                f"The {name} hold {row.tokens:,} tokens, which is less than one sample",
                "Build a larger corpus or set a shorter model.context",
            )
        turn = int(os.environ.get("LOCAL_RANK", "0")) * self._block
        self.blocks.append(Blocks(row, layout, self._block, self._threads, turn))
        return layout.size

    def tokens(self, first: int, count: int) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Part, place and tokens of each of the samples [first, first + count) of the run.

        Raises WebtextError when a shard was replaced or cut.
        """
        plan = self._planned(first, count)
        here = slice(first - plan.first, first - plan.first + count)
        parts = plan.parts[here]
        pairs = zip(parts, plan.blocks[here], strict=True)
        blocks = [self.blocks[part].get(block) for part, block in pairs]
        now = time.monotonic()
        for shard in {shard for block in set(blocks) for shard in block.shards}:
            shard.check(now)
        wheres = zip(plan.places[here], plan.starts[here], plan.stops[here], strict=True)
        for part, block, (place, start, stop) in zip(parts, blocks, wheres, strict=True):
            yield part, place, block.tokens[start:stop]

    def _planned(self, first: int, count: int) -> _Plan:
        """Where the samples lie; those after them are found along, which costs little more."""
        plan = self._plan
        if not (plan.first <= first and first + count <= plan.first + len(plan.parts)):
            ahead = max(count, min(_AHEAD, self._block * self._window))
            self._look_ahead(first, ahead)
            self._plan = plan = self._locate(first, ahead)
        return plan

    def _locate(self, first: int, count: int) -> _Plan:
        parts, places = self.numbering.locate(first, count)
        starts, stops = np.empty_like(places), np.empty_like(places)
        blocks = places // self._block
        for part in np.unique(parts).tolist():
            here = parts == part
            layout = self.blocks[part].layout
            begins, _ = layout.bounds(blocks[here] * self._block, places[here])
            bounds = layout.bounds(places[here], places[here] + 1)
            starts[here], stops[here] = bounds[0] - begins, bounds[1] - begins
        return _Plan(first, *(a.tolist() for a in (parts, places, blocks, starts, stops)))

    def spans(self, index: int) -> list[Span]:
        """Where the tokens of sample `index` of the run lie: one span a shard."""
        parts, places = self.numbering.locate(index, 1)
        blocks, place = self.blocks[int(parts[0])], int(places[0])
        return blocks.row.spans(*span_of(blocks.layout, place, place + 1))

    def close(self) -> None:
        """Ends the threads."""
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)

    def _look_ahead(self, first: int, count: int) -> None:
        """Asks for the windows of a batch and the next one, when they are not those at hand."""
        for corpus, (start, stop) in self.numbering.numbers(first, count).items():
            windows = [self.numbering.window(corpus, start)]
            while windows[-1].stop < stop:
                windows.append(self.numbering.window(corpus, windows[-1].stop))
            held = windows[0].stop, windows[-1].stop
            if self._held.get(corpus) == held:
                continue
            self._held[corpus] = held
            windows.append(self.numbering.window(corpus, windows[-1].stop))
            for part in {window.part for window in windows}:
                wanted = [w.blocks for w in windows if w.part == part]
                self.blocks[part].want(dict.fromkeys(np.concatenate(wanted).tolist()))


def _mixture(settings: DataSettings, corpora: int) -> Mixture:
    if corpora == 1:
        return Mixture([1])
    if len(settings.weights) != corpora:
        raise SettingError(
            f"data.weights has {len(settings.weights)} shares for {corpora} corpora",
            "Give one for each corpus of --data, in the same order: data.weights=[0.7,0.3]",
        )
    return Mixture(settings.weights)
