"""A text classifier as model hubs keep it: beside the weights `config.json` and `tokenizer.json`.

The two are data of others: they are read up to a size, and nothing in them is run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import orjson
from tokenizers import Encoding, Tokenizer

from pipeline.store import files
from pipeline.store.errors import SettingError
from pipeline.store.scorer import Activation, Floats, Scorer, ScorerOptions

CONFIG, TOKENIZER = "config.json", "tokenizer.json"
_MOST_BYTES = {CONFIG: 1 << 20, TOKENIZER: 1 << 28}
_MANY_LABELS = "multi_label_classification"  # as transformers names it
_AGAIN = "Fetch the model again"

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TokenBatch:
    """Texts as tokens, padded to the longest: int64 (texts, tokens) each, and which texts."""

    numbers: list[int]
    input_ids: Ids
    attention_mask: Ids
    token_type_ids: Ids


class ClassifierFolder:
    """What lies beside a model's file."""

    def __init__(self, options: ScorerOptions) -> None:
        """Raises SettingError for a damaged file, or one that is far too long."""
        self._options = options
        content = _read(options.path, CONFIG)
        try:
            self.config = {} if content is None else dict(orjson.loads(content))
        except (ValueError, TypeError):
            raise SettingError(f"{beside(options.path, CONFIG)} is damaged", _AGAIN) from None

    def labels(self, count: int) -> tuple[str, ...]:
        """The names of `count` outputs; their numbers where the config has no names."""
        named = self.config.get("id2label")
        numbers = [str(number) for number in range(count)]
        if isinstance(named, Mapping) and set(named) == set(numbers):
            return tuple(str(named[number]) for number in numbers)
        return tuple(numbers)

    def activation(self, columns: int) -> Activation:
        """What makes scores of the outputs: as transformers' pipeline decides it."""
        if self._options.activation != "auto":
            return self._options.activation
        if columns == 1 or self.config.get("problem_type") == "regression":
            return "none"
        return "sigmoid" if self.config.get("problem_type") == _MANY_LABELS else "softmax"

    def encoder(self) -> BatchEncoder:
        """Raises SettingError without a tokenizer, or for more tokens than the model takes."""
        path, most = self._options.path, self.config.get("max_position_embeddings")
        content = _read(path, TOKENIZER)
        if content is None:
            raise SettingError(
                f"{path} has no {TOKENIZER} beside it",
                "Save it there with transformers: AutoTokenizer.from_pretrained(…)"
                ".save_pretrained(FOLDER)",
            )
        if isinstance(most, int) and self._options.tokens > most:
            raise SettingError(
                f"{path} takes {most} tokens, fewer than tokens = {self._options.tokens}",
                f"Set tokens = {most}",
            )
        try:
            tokenizer = Tokenizer.from_buffer(content)
        except Exception as error:  # tokenizers raises plain Exception
            raise SettingError(f"The tokenizer of {path} is damaged: {error}", _AGAIN) from None
        pad = self.config.get("pad_token_id")
        return BatchEncoder(tokenizer, self._options, pad if isinstance(pad, int) else 0)


class FolderScorer(Scorer):
    """A classifier of a folder as hubs have it, by its weights, config and tokenizer."""

    digits = 5  # kernels differ between processors from the sixth or seventh on
    _labels: tuple[str, ...]  # set when the model is opened

    def __init__(self, options: ScorerOptions) -> None:
        super().__init__(options)
        self._folder = ClassifierFolder(options)

    @classmethod
    def files(cls, path: str) -> list[str]:
        """The model's file, and those beside it that decide its outputs."""
        beside_it = (beside(path, name) for name in (CONFIG, TOKENIZER))
        return [path, *(one for one in beside_it if one is not None)]

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the model's own map, else of the config, else numbers."""
        return self._labels


class BatchEncoder:
    """Texts to batches of tokens, cut after `tokens`."""

    def __init__(self, tokenizer: Tokenizer, options: ScorerOptions, pad: int) -> None:
        tokenizer.no_padding()
        tokenizer.enable_truncation(options.tokens)
        self._tokenizer, self._batch, self._pad = tokenizer, options.batch, pad

    def batches(self, texts: Sequence[str]) -> Iterator[TokenBatch]:
        """Texts of like length together, the shortest first: little is padding."""
        encoded = [self._tokenizer.encode(text) for text in texts]
        order = sorted(range(len(texts)), key=lambda number: (len(encoded[number]), number))
        for start in range(0, len(order), self._batch):
            numbers = order[start : start + self._batch]
            yield self._padded(numbers, [encoded[number] for number in numbers])

    def _padded(self, numbers: list[int], rows: Sequence[Encoding]) -> TokenBatch:
        shape = len(rows), max(1, *(len(row) for row in rows), 1)
        ids, mask, types = np.full(shape, self._pad), np.zeros(shape), np.zeros(shape)
        for n, row in enumerate(rows):
            ids[n, : len(row)] = row.ids
            mask[n, : len(row)] = 1
            types[n, : len(row)] = row.type_ids
        whole = (array.astype(np.int64) for array in (ids, mask, types))
        return TokenBatch(numbers, *whole)


def activated(values: Floats, activation: Activation) -> Floats:
    """`values`, float64 (texts, labels), as scores."""
    if activation == "softmax":
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    if activation == "sigmoid":
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -700, 700))))
    return values


def beside(path: str, name: str) -> str | None:
    """File `name` in the folder of a model, or above it where the folder is `onnx`."""
    folder = path.rpartition("/")[0] or "."
    above = folder.rpartition("/")[0] or "."
    folders = [folder, above] if files.name_of(folder) == "onnx" else [folder]
    paths = (files.join(one, name) for one in folders)
    return next((one for one in paths if files.exists(one)), None)


def _read(path: str, name: str) -> bytes | None:
    file = beside(path, name)
    if file is None:
        return None
    if files.size(file) > _MOST_BYTES[name]:
        raise SettingError(f"{file} is longer than {_MOST_BYTES[name]:,} bytes", _AGAIN)
    return files.read_bytes(file)
