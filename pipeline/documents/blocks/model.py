"""A trained model: the weights of words and two forests, as one plain file.

The file is JSON, packed by gzip: anyone can read it, and reading it runs nothing.
`webtext train-extractor` writes one; ours lies beside this module, with its card.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from pipeline.documents.blocks.context import context
from pipeline.documents.blocks.features import Basics, features
from pipeline.documents.blocks.forest import Forest
from pipeline.documents.blocks.layout import Layout
from pipeline.documents.blocks.lexicon import WordWeights
from pipeline.documents.blocks.numbers import Column
from pipeline.documents.blocks.structure import Structure
from pipeline.documents.head import Head
from pipeline.store import files
from pipeline.store.errors import WebtextError

#: Raised when features change, so that no older model is read with them.
FORMAT = 1
OURS = "model.json.gz"
_MOST_BYTES = 100_000_000
#: Models that are kept in memory: ours, and those of the folds of a measurement.
_MOST_MODELS = 8


@dataclass(frozen=True)
class Model:
    """`first` judges each block for itself, `second` with what `first` said of the others."""

    lexicon: WordWeights
    first: Forest
    second: Forest

    def chances(self, layout: Layout, tree: Structure, basics: Basics, head: Head) -> Column:
        """For each block the chance that it is main text, in thousandths."""
        table = features(layout, tree, basics, head)
        found = context(tree, self.first.chances(table), basics.letters["words"])
        return self.second.chances(table.with_rows_of(found))

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the file."""
        return {
            "format": FORMAT,
            "names": {word: list(weights) for word, weights in self.lexicon.names.items()},
            "words": dict(self.lexicon.texts),
            "first": self.first.to_json(),
            "second": self.second.to_json(),
        }

    def write(self, path: str) -> None:
        """Writes the file; the same model gives the same bytes."""
        text = json.dumps(self.to_json(), ensure_ascii=False, separators=(",", ":"))
        files.write_bytes(path, gzip.compress(text.encode(), mtime=0))


@lru_cache(maxsize=_MOST_MODELS)
def read_model(path: str = "") -> Model:
    """The model in a file, ours without a path; WebtextError for a file that is none."""
    try:
        packed = files.read_bytes(path) if path else _ours()
        values = json.loads(_unpacked(packed))
        if values["format"] != FORMAT:
            raise ValueError(f"it has format {values['format']}, this version reads {FORMAT}")
        names = {str(word): _three(weights) for word, weights in values["names"].items()}
        texts = {str(word): int(weight) for word, weight in values["words"].items()}
        first, second = Forest.from_json(values["first"]), Forest.from_json(values["second"])
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OSError,
        zlib.error,
        EOFError,
    ) as error:
        raise WebtextError(
            f"{path or OURS} is no model of the extractor: {error}",
            "Write one with `webtext train-extractor`, or leave documents.model out for ours",
        ) from None
    return Model(WordWeights(names, texts), first, second)


def _ours() -> bytes:
    return resources.files("pipeline.documents.blocks").joinpath(OURS).read_bytes()


def _unpacked(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    data = unpacker.decompress(packed, _MOST_BYTES)
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise ValueError("it is cut, or larger than any model")
    return data


def _three(weights: list[int]) -> tuple[int, int, int]:
    own, near, far = weights
    return int(own), int(near), int(far)
