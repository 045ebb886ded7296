"""ONNX classifiers, by onnxruntime: transformers that were exported, or a whole pipeline over text.

A model takes either tokens (`input_ids`, `attention_mask`, `token_type_ids`, by the
`tokenizer.json` beside it) or the texts themselves, as scikit-learn's pipelines do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.store import files
from pipeline.store.classifier_folder import (
    BatchEncoder,
    FolderScorer,
    TokenBatch,
    activated,
)
from pipeline.store.errors import SettingError
from pipeline.store.scorer import Floats, ScorerOptions

#: The first field of a model, `ir_version`, whose numbers have been small since 2017.
_IR_VERSION, _NEWEST_IR = 0x08, 64
_KINDS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
_FLOATS = ("tensor(float)", "tensor(float16)", "tensor(double)")
_TRIAL = "A first text."


class OnnxClassifier(FolderScorer):
    """A `.onnx` file; one that keeps its weights in further files is not read."""

    modules = ("onnxruntime",)

    def __init__(self, options: ScorerOptions) -> None:
        super().__init__(options)
        self._session = _open(options.path)
        self._inputs = {one.name: one for one in self._session.get_inputs()}
        self._tensor = _output(self._session, options)
        takes_text = [one.type for one in self._inputs.values()] == ["tensor(string)"]
        self._encoder: BatchEncoder | None = None if takes_text else self._token_encoder()
        self._names: tuple[str, ...] = ()
        count = self._values([_TRIAL]).shape[1]
        self._labels = self._names or self._folder.labels(count)
        self._activation = self._folder.activation(count) if self._folder.config else "none"
        if options.activation != "auto":
            self._activation = options.activation

    @classmethod
    def reads(cls, head: bytes) -> bool:
        """By the first field of the model's message."""
        return len(head) > 1 and head[0] == _IR_VERSION and 0 < head[1] < _NEWEST_IR

    def outputs(self, texts: Sequence[str]) -> Floats:
        """Scores by label."""
        return activated(self._values(texts), self._activation)

    def _values(self, texts: Sequence[str]) -> Floats:
        try:
            if self._encoder is None:
                return self._run(self._texts(texts), len(texts))
            values: dict[int, Floats] = {}
            for batch in self._encoder.batches(texts):
                found = self._run(self._tokens(batch), len(batch.numbers))
                values |= dict(zip(batch.numbers, found, strict=True))
            return np.stack([values[number] for number in range(len(texts))])
        except SettingError:
            raise
        except Exception as error:  # onnxruntime's own classes share no other base
            raise SettingError(
                f"{self.options.path} cannot be run: {_first_line(error)}",
                "Check the model with onnxruntime, or use another",
            ) from None

    def _run(self, inputs: Mapping[str, Any], count: int) -> Floats:
        (found,) = self._session.run([self._tensor], dict(inputs))
        if isinstance(found, list):  # {label: probability} of each text, as skl2onnx writes
            self._names = tuple(str(label) for label in found[0])
            found = [list(one.values()) for one in found]
        values = np.asarray(found, dtype=np.float64)
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or len(values) != count:
            raise SettingError(
                f"{self.options.path}: output {self._tensor} has shape {values.shape} for "
                f"{count} texts",
                "Set `tensor` to the output that has one row a text",
            )
        return values

    def _texts(self, texts: Sequence[str]) -> dict[str, Any]:
        ((name, one),) = self._inputs.items()
        shape = (len(texts), 1) if len(one.shape) > 1 else (len(texts),)
        return {name: np.array(texts, dtype=object).reshape(shape)}

    def _token_encoder(self) -> BatchEncoder:
        for name, one in self._inputs.items():
            if name not in TokenBatch.__dataclass_fields__ or one.type not in _KINDS:
                raise SettingError(
                    f"{self.options.path} takes {name}, {one.type}, which is neither text nor "
                    "tokens",
                    "Export it with the inputs input_ids and attention_mask, or a text",
                )
        return self._folder.encoder()

    def _tokens(self, batch: TokenBatch) -> dict[str, Any]:
        return {
            name: getattr(batch, name).astype(_KINDS[one.type])
            for name, one in self._inputs.items()
        }


def _open(path: str) -> Any:
    """A session on one thread: others would share the processor with other workers."""
    import onnxruntime  # noqa: PLC0415  # an extra

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    try:
        # Of bytes, so that a model leads to no other file of this machine.
        content = files.read_bytes(path)
        return onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    except Exception as error:
        raise SettingError(
            f"{path} is no ONNX model that can be opened: {_first_line(error)}",
            "Fetch it again; weights in a file of their own must be inside (save as one file)",
        ) from None


def _output(session: Any, options: ScorerOptions) -> str:
    """The output with the scores: the one that is set, or the only one of floats."""
    outputs = {one.name: one for one in session.get_outputs()}
    if options.tensor in outputs:
        return str(options.tensor)
    scores = [name for name, one in outputs.items() if one.type in _FLOATS or "seq(" in one.type]
    named = [name for name in scores if name in ("logits", "probabilities")]
    if options.tensor is None and len(named or scores) == 1:
        return str((named or scores)[0])
    what = "no output named" if options.tensor else "several outputs, and no `tensor` is set"
    raise SettingError(
        f"{options.path} has {what} {options.tensor or ''}".rstrip(),
        f"Its outputs: {', '.join(outputs)}",
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:300]
