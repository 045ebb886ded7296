"""A family of models in Hugging Face's format: its names, shapes and `config.json`, both ways."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from trainer.hf.config import Config
from trainer.models.parts import Parts
from trainer.settings.model import ModelSettings

#: A name of theirs, and our weights as a view of their shape.
Named = tuple[str, Tensor]
#: Old names of a norm's weights, as TensorFlow called them, and buffers that are no weights.
_OLD = (("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias"))
_BUFFERS = re.compile(r"(position_ids|token_type_ids|rotary_emb\.inv_freq|\.masked_bias)$")


@dataclass(frozen=True)
class SpecialTokens:
    """Ids that a config names, None where a tokenizer has no such token."""

    pad: int | None = None
    first: int | None = None
    last: int | None = None


class Format(ABC):
    """One family.  `kind` is that of `Parts`; `families` are the `model_type`s that it reads."""

    kind: str
    families: tuple[str, ...]
    #: What its tokenizer gives the model.
    inputs: tuple[str, ...] = ("input_ids", "attention_mask")
    #: What the names of its encoder or decoder begin with, which files of the bare model lack.
    prefix: str
    #: What all other names begin with.
    heads: tuple[str, ...]
    #: Tensors that are copies where `tie_word_embeddings` is true, and what of.
    copies: Mapping[str, str] = MappingProxyType({})
    #: Tensors that a file may lack: an encoder is often saved without the score of its pairs.
    optional: tuple[str, ...] = ()
    #: Whether several of its layers may have the same weights.
    shares_layers: bool = False

    @abstractmethod
    def architectures(self) -> tuple[str, ...]:
        """The classes of transformers that it reads."""

    @abstractmethod
    def architecture(self, parts: Parts[Any]) -> str:
        """The class of transformers that has these parts."""

    @abstractmethod
    def settings(self, config: Config) -> ModelSettings:
        """Our settings.  Raises SettingError for a model that is not known here."""

    @abstractmethod
    def config(self, parts: Parts[Any], special: SpecialTokens) -> dict[str, Any]:
        """The `config.json`.  Raises SettingError for what their class cannot be."""

    @abstractmethod
    def build(self, settings: ModelSettings, names: set[str]) -> Parts[Any]:
        """A model with those heads of which `names` has the weights, not initialised."""

    @abstractmethod
    def tensors(self, parts: Parts[Any]) -> Iterator[Named]:
        """All weights under their names, as views of their shapes."""

    def name(self, name: str) -> str | None:
        """Today's name of a tensor in a file; None for what is no weight."""
        if _BUFFERS.search(name):
            return None
        for old, new in _OLD:
            if name.endswith(old):
                name = name.removesuffix(old) + new
        known = name.startswith((f"{self.prefix}.", *self.heads))
        return name if known else f"{self.prefix}.{name}"


def weights_of(name: str, module: nn.Module) -> Iterator[Named]:
    """Weight and bias of a module, if it has any."""
    for part in ("weight", "bias"):
        parameter = getattr(module, part, None)
        if parameter is not None:
            yield f"{name}.{part}", parameter.detach()


def stacked_weights(
    names: Iterable[str], module: nn.Linear, rows: Iterable[int]
) -> Iterator[Named]:
    """A joint product taken apart: each name gets its rows of weight and bias."""
    counts = list(rows)
    for part in ("weight", "bias"):
        parameter = getattr(module, part, None)
        if parameter is not None:
            pieces = parameter.detach().split(counts)
            yield from ((f"{n}.{part}", piece) for n, piece in zip(names, pieces, strict=True))
