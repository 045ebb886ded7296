"""The samples of token shards as a data set of PyTorch, for training loops of one's own."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import Dataset

from trainer.data.shard_set import find_shards
from trainer.data.stream import Stream


class TokenDataset(Dataset[torch.Tensor]):
    """One epoch of a split: sample i is int64 (length + 1), inputs and one further the targets.

    `data` is ROOT/tokens/NAME.  With `shuffled` the order is that of a training with this seed,
    which a `DataLoader` need not shuffle again; its workers may open the data set each for itself.
    Raises WebtextError where there are no shards, or not the tokens for one sample.
    """

    def __init__(
        self,
        data: str,
        split: str = "train",
        length: int = 1024,
        seed: int = 0,
        *,
        shuffled: bool = True,
    ) -> None:
        self._opened = (data, split, length, seed, shuffled)
        self._stream = self._open()

    def __len__(self) -> int:
        """Samples of one epoch."""
        return self._stream.samples

    def __getitem__(self, index: int) -> torch.Tensor:
        """A sample.  Raises IndexError beyond the last."""
        if not 0 <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        return torch.from_numpy(self._stream.batch(index, 1)[0]).long()

    def _open(self) -> Stream:
        data, split, length, seed, shuffled = self._opened
        return Stream(find_shards(data), split, length, seed, shuffled)

    def __getstate__(self) -> dict[str, Any]:
        """What a worker of a `DataLoader` gets: open files stay behind."""
        return {"opened": self._opened}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._opened = state["opened"]
        self._stream = self._open()
