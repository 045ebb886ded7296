"""`[model]`: the shape of a decoder or of an encoder."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipeline.store.settings import Settings


class ModelSettings(Settings):
    """`[model]`: a GPT-2 or GPT-3 decoder (`kind = `gpt``)."""

    kind: Literal["gpt", "encoder"] = "gpt"
    """`gpt`: a decoder; `encoder`: BERT, ALBERT or ELECTRA."""
    layers: int = Field(12, ge=1)
    """Blocks one after the other (GPT-2 small and BERT base: 12)."""
    width: int = Field(768, ge=1)
    """Numbers of a token's vector between the blocks (GPT-2 small and BERT base: 768)."""
    heads: int = Field(12, ge=1)
    """Attention heads of a block; they divide the width (GPT-2 small and BERT base: 12)."""
    context: int = Field(1024, ge=1)
    """Longest sequence, in tokens (GPT-2 1024, GPT-3 2048)."""
    vocab: int = Field(0, ge=0)
    """Tokens of the vocabulary; 0 takes those of the shards' tokenizer."""
    vocab_multiple: int = Field(128, ge=1)
    """The embedding's rows are rounded up to a multiple of this; the rows beyond the vocabulary are
    masked in the softmax.  128 fills the tiles of the matrix units."""
    dropout: float = Field(0.0, ge=0.0, lt=1.0)
    """Released GPT-2 trained with 0.1; one pass over much text wants none (nanoGPT, llm.c)."""
    attention: Literal["dense", "gpt3"] = "dense"
    """`dense`, or `gpt3`: every second layer sees only the last `band` positions."""
    band: int = Field(256, ge=1)
    """GPT-3's paper does not print its band; 256 is GPT-Neo's `window_size`."""
    document_mask: bool = False
    """Keep attention inside a document.  Off in GPT-2 and GPT-3 (paper, appendix B)."""

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.width % self.heads:
            near = [n for n in range(1, self.width + 1) if self.width % n == 0]
            best = min(near, key=lambda n: abs(n - self.heads))
            raise ValueError(f"heads = {self.heads} must divide width = {self.width}; try {best}")
        return self


class EncoderSettings(ModelSettings):
    """`[model]` with `kind = `encoder``: BERT, ALBERT or ELECTRA, by these settings alone.

    The defaults are BERT base's (Devlin et al. 2018).
    """

    volatile: ClassVar[frozenset[str]] = frozenset({"unpad"})

    context: int = Field(512, ge=8)
    """Longest sequence, [CLS] and both [SEP] counted."""
    embedding: int = Field(0, ge=0)
    """Width of the token embedding; 0: `width`.  ALBERT 128 (paper, section 3.1)."""
    inner: int = Field(0, ge=0)
    """Width of the feed-forward layer; 0: 4 * width."""
    groups: int = Field(0, ge=0)
    """Groups of layers that share all weights; 0: each layer has its own.  ALBERT 1."""
    inner_layers: int = Field(1, ge=1)
    """Layers with weights of their own inside a group, run in turn (ALBERT's `inner_group_num`)."""
    activation: Literal["erf", "tanh"] = "erf"
    """`erf` is the exact GELU (BERT, ELECTRA), `tanh` its approximation (ALBERT)."""
    eps: float = Field(1e-12, gt=0)
    """Of all layer norms (google-research/bert, albert and electra: 1e-12)."""
    project: Literal["auto", "always"] = "auto"
    """A linear layer from the embedding to the width: `auto` where they differ (ELECTRA), `always`
    as Hugging Face's ALBERT has it."""
    unpad: Literal["auto", "on", "off"] = "auto"
    """Do everything but the attention's scores on real tokens only; `auto`: on a CPU, since the
    gain was measured there only."""

    @model_validator(mode="after")
    def _groups_divide(self) -> Self:
        groups = self.groups or self.layers
        if self.layers % groups:
            raise ValueError(f"groups = {groups} must divide layers = {self.layers}")
        defaults = ModelSettings()
        for name in ("attention", "band", "document_mask"):
            if getattr(self, name) != getattr(defaults, name):
                raise ValueError(f"model.{name} is a decoder's setting; leave it out")
        return self

    @property
    def embedding_width(self) -> int:
        """Width of the token embedding."""
        return self.embedding or self.width

    @property
    def inner_width(self) -> int:
        """Width of the feed-forward layer."""
        return self.inner or 4 * self.width

    @property
    def group_count(self) -> int:
        """How many groups of layers have weights of their own."""
        return self.groups or self.layers

    @property
    def projects(self) -> bool:
        """Whether there is a linear layer from the embedding to the width."""
        return self.project == "always" or self.embedding_width != self.width


def as_model(value: Any) -> Any:
    """Plain values of `[model]` as the settings that their `kind` names."""
    if isinstance(value, dict) and value.get("kind") == "encoder":
        return EncoderSettings.checked(value, "[model]")
    return value
