"""Sequence classifiers of transformers in safetensors, as scorers of the quality stage.

FineWeb-Edu's and NVIDIA's educational classifiers are such: an encoder with one output.  The
pipeline imports no torch; it finds this class by its entry point (`webtext.scorers`).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from pipeline.store import files
from pipeline.store.classifier_folder import FolderScorer, activated
from pipeline.store.errors import SettingError
from pipeline.store.scorer import Floats, ScorerOptions

_LONGEST_HEADER = 1 << 26  # bytes; of the largest models it has some 100 kB
_SUFFIX = "ForSequenceClassification"
_AGAIN = "Fetch the model again, or use another"


class TextClassifier(FolderScorer):
    """`model.safetensors` with `config.json` and `tokenizer.json` beside it, in a local folder."""

    modules = ("torch", "transformers", "safetensors")
    extras = "scorers,train"

    def __init__(self, options: ScorerOptions) -> None:
        super().__init__(options)
        self._encoder = self._folder.encoder()
        self._model = _load(options.path, self._folder.config)
        count = int(self._model.config.num_labels)
        self._labels = self._folder.labels(count)
        self._activation = self._folder.activation(count)

    @classmethod
    def reads(cls, head: bytes) -> bool:
        """By the header: its length, then JSON."""
        return len(head) > 8 and head[8:9] == b"{" and _length(head) <= _LONGEST_HEADER

    def outputs(self, texts: Sequence[str]) -> Floats:
        """Scores by label: of one output the output itself, else probabilities."""
        import torch  # noqa: PLC0415  # an extra

        values: dict[int, Floats] = {}
        for batch in self._encoder.batches(texts):
            ids, mask, types = map(
                torch.from_numpy, (batch.input_ids, batch.attention_mask, batch.token_type_ids)
            )
            inputs = {"input_ids": ids, "attention_mask": mask}
            if getattr(self._model.config, "type_vocab_size", 0) > 1:
                inputs["token_type_ids"] = types
            with torch.inference_mode():
                logits = self._model(**inputs).logits.double().numpy()
            values |= dict(zip(batch.numbers, logits, strict=True))
        return activated(np.stack([values[n] for n in range(len(texts))]), self._activation)


def _length(head: bytes) -> int:
    """Bytes of the header, which come first."""
    return int(struct.unpack_from("<Q", head)[0])


def _load(path: str, config: dict[str, Any]) -> Any:
    """The model, with every one of its weights from the file."""
    import torch  # noqa: PLC0415  # an extra
    import transformers  # noqa: PLC0415

    if files.is_remote(path):
        raise SettingError(f"{path} is not on this machine", "Copy its folder to every worker")
    _check_size(path, config)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)  # others would share the processor with other workers
    try:
        model, report = transformers.AutoModelForSequenceClassification.from_pretrained(
            str(Path(files.local_path(path)).parent),
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except Exception as error:  # whatever a config or a damaged file leads to
        raise SettingError(f"{path} cannot be opened: {_first_line(error)}", _AGAIN) from None
    if missing := sorted(report["missing_keys"]) or sorted(map(str, report["mismatched_keys"])):
        raise SettingError(f"{path} lacks the weights {missing[0]}", _AGAIN)
    return model.eval()


def _check_size(path: str, config: dict[str, Any]) -> None:
    """Before anything is made by the config: it is of a classifier, and no larger than the file."""
    architectures = config.get("architectures")
    names = architectures if isinstance(architectures, list) else []
    if not any(str(name).endswith(_SUFFIX) for name in names):
        raise SettingError(
            f"{path} is no text classifier of transformers: config.json says "
            f"{', '.join(map(str, names)) or 'no architecture'}",
            "Export it to ONNX with its own code, and give that file",
        )
    tensors = _tensors(path)
    held = sum(tensors.values())
    numbers = [value for value in config.values() if isinstance(value, int)]
    layers = [v for name, v in config.items() if "layer" in name and isinstance(v, int)]
    width, vocabulary = config.get("hidden_size", 0), config.get("vocab_size", 0)
    if (
        max([*layers, 0]) > len(tensors)
        or max([*numbers, 0]) > max(held, 1 << 20)
        or (isinstance(width, int) and isinstance(vocabulary, int) and width * vocabulary > held)
    ):
        raise SettingError(f"{path} is smaller than its config.json says", _AGAIN)


def _tensors(path: str) -> dict[str, int]:
    """The numbers that each tensor of a file holds, from its header."""
    try:
        with files.open_read(path) as stream:
            length = _length(stream.read(8))
            if length > min(_LONGEST_HEADER, files.size(path) - 8):
                raise ValueError("its header is longer than the file")
            header = orjson.loads(stream.read(length))
        return {
            name: prod(map(int, one["shape"]))
            for name, one in header.items()
            if name != "__metadata__"
        }
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise SettingError(f"{path} is no safetensors file: {error}", _AGAIN) from None


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:300]
