"""A scorer: the share of a text's words that are on a list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import orjson

from pipeline.store import files
from pipeline.store.errors import SettingError
from pipeline.store.scorer import Floats, Scorer, ScorerOptions

_HEAD = b'{"words":'


class Listed(Scorer):
    """A file `{"words": ["of", "the"]}`."""

    def __init__(self, options: ScorerOptions) -> None:
        super().__init__(options)
        try:
            self._words = frozenset(orjson.loads(files.read_bytes(options.path))["words"])
        except orjson.JSONDecodeError as error:
            raise SettingError(f"{options.path} is no JSON: {error}", "Correct the file") from None

    @classmethod
    def reads(cls, head: bytes) -> bool:
        """By its first bytes."""
        return head.startswith(_HEAD)

    @property
    def labels(self) -> tuple[str, ...]:
        """The one output."""
        return ("listed",)

    def outputs(self, texts: Sequence[str]) -> Floats:
        """Shares of the words between white space."""
        return np.array([[self._share(text.lower().split())] for text in texts])

    def _share(self, words: list[str]) -> float:
        return sum(word in self._words for word in words) / max(len(words), 1)
