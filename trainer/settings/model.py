"""`[model]`: the shape of a decoder or of an encoder."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipeline.store.settings import Settings

#: Bounds of what a config of anybody's may ask for, far above every model that there is.
MOST_LAYERS, _MOST = 1 << 12, 1 << 24


class ModelSettings(Settings):
    """`[model]`: a decoder (`kind = "gpt"`).  The defaults are GPT-2's."""

    kind: Literal["gpt", "encoder"] = "gpt"
    """`gpt`: a decoder; `encoder`: BERT, ALBERT, ELECTRA or ModernBERT."""
    layers: int = Field(12, ge=1, le=MOST_LAYERS)
    """Blocks one after the other (GPT-2 small and BERT base: 12)."""
    width: int = Field(768, ge=1, le=_MOST)
    """Numbers of a token's vector between the blocks (GPT-2 small and BERT base: 768)."""
    heads: int = Field(12, ge=1, le=_MOST)
    """Attention heads of a block; they divide the width (GPT-2 small and BERT base: 12)."""
    kv_heads: int = Field(0, ge=0)
    """Heads of key and value, each shared by several of the query (Ainslie et al. 2023); 0: as many
    as `heads`."""
    head_width: int = Field(0, ge=0, le=_MOST)
    """Width of a head; 0: `width / heads`."""
    inner: int = Field(0, ge=0, le=_MOST)
    """Width of the feed-forward layer; 0: 4 * width."""
    context: int = Field(1024, ge=1, le=_MOST)
    """Longest sequence, in tokens (GPT-2 1024, GPT-3 2048)."""
    vocab: int = Field(0, ge=0, le=_MOST)
    """Tokens of the vocabulary; 0 takes those of the shards' tokenizer."""
    vocab_multiple: int = Field(128, ge=1, le=_MOST)
    """The embedding's rows are rounded up to a multiple of this; the rows beyond the vocabulary are
    masked in the softmax.  128 fills the tiles of the matrix units."""
    tied: bool = True
    """Whether the output's weights are those of the token embedding (GPT-2, BERT)."""
    dropout: float = Field(0.0, ge=0.0, lt=1.0)
    """Released GPT-2 trained with 0.1; one pass over much text wants none (nanoGPT, llm.c)."""
    attention_dropout: float = Field(-1.0, lt=1.0)
    """Of the attention's probabilities; below 0: as `dropout`.  Above 0, attention keeps them all,
    which no fused kernel does."""
    positions: Literal["learned", "rope"] = "learned"
    """`learned`: an embedding of each place; `rope`: query and key turned by their place (Su et al.
    2021)."""
    rope_theta: float = Field(10_000.0, gt=1)
    """Base of the wave lengths of `rope`."""
    norm: Literal["layer", "rms"] = "layer"
    """`rms` only divides by the root mean square (Zhang and Sennrich 2019)."""
    eps: float = Field(1e-5, gt=0)
    """Added to the variance in every norm (GPT-2 1e-5)."""
    qk_norm: bool = False
    """Normalise query and key of each head before they meet (Henry et al. 2020; Qwen 3)."""
    activation: Literal["tanh", "erf", "relu2", "silu"] = "tanh"
    """Of the feed-forward layer: GELU by tanh (GPT-2) or exactly (`erf`), the square of ReLU (So et
    al. 2021), or SiLU."""
    gated: bool = False
    """Multiply by a second product without activation: SwiGLU with `silu`, GeGLU with `erf`
    (Shazeer 2020)."""
    bias: bool = True
    """Whether products and layer norms have biases."""
    attention: Literal["dense", "gpt3", "sliding"] = "dense"
    """`dense`; `gpt3`: every second layer sees only the last `band` positions; `sliding`: every
    layer but each `global_every`-th."""
    band: int = Field(256, ge=1)
    """Positions that a layer with a band sees, its own included; of an encoder, on either side.
    GPT-3's paper does not print its band; 256 is GPT-Neo's `window_size`."""
    global_every: int = Field(0, ge=0)
    """With `sliding`: layer 0 and each of this many after it see everything; 0: none does."""
    document_mask: bool = False
    """Keep attention inside a document.  Off in GPT-2 and GPT-3 (paper, appendix B)."""

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.width % self.heads and not self.head_width:
            near = [n for n in range(1, self.width + 1) if self.width % n == 0]
            best = min(near, key=lambda n: abs(n - self.heads))
            raise ValueError(f"heads = {self.heads} must divide width = {self.width}; try {best}")
        if self.heads % self.kv_head_count:
            raise ValueError(f"kv_heads = {self.kv_heads} must divide heads = {self.heads}")
        if self.positions == "rope" and self.each_head % 2:
            raise ValueError(
                f'positions = "rope" needs an even width of heads, not {self.each_head}'
            )
        return self

    @property
    def kv_head_count(self) -> int:
        """Heads of key and value."""
        return self.kv_heads or self.heads

    @property
    def each_head(self) -> int:
        """Width of a head."""
        return self.head_width or self.width // self.heads

    @property
    def inner_width(self) -> int:
        """Width of the feed-forward layer."""
        return self.inner or 4 * self.width

    @property
    def rows(self) -> int:
        """Rows of the embedding: the vocabulary rounded up."""
        return -(-self.vocab // self.vocab_multiple) * self.vocab_multiple

    @property
    def attention_drop(self) -> float:
        """Dropout of the attention's probabilities."""
        return self.dropout if self.attention_dropout < 0 else self.attention_dropout

    def banded(self, layer: int) -> bool:
        """Whether a layer sees its band only."""
        if self.attention == "gpt3":
            return layer % 2 == 1
        if self.attention == "sliding":
            return not (self.global_every and layer % self.global_every == 0)
        return False


class EncoderSettings(ModelSettings):
    """`[model]` with `kind = "encoder"`: BERT, ALBERT, ELECTRA or ModernBERT, by these alone.

    The defaults are BERT base's (Devlin et al. 2018).
    """

    volatile: ClassVar[frozenset[str]] = frozenset({"unpad"})

    context: int = Field(512, ge=8, le=_MOST)
    """Longest sequence, [CLS] and both [SEP] counted."""
    embedding: int = Field(0, ge=0, le=_MOST)
    """Width of the token embedding; 0: `width`.  ALBERT 128 (paper, section 3.1)."""
    groups: int = Field(0, ge=0)
    """Groups of layers that share all weights; 0: each layer has its own.  ALBERT 1."""
    inner_layers: int = Field(1, ge=1, le=MOST_LAYERS)
    """Layers with weights of their own inside a group, run in turn (ALBERT's `inner_group_num`)."""
    activation: Literal["tanh", "erf", "relu2", "silu"] = "erf"
    """`erf` is the exact GELU (BERT, ELECTRA), `tanh` its approximation (ALBERT)."""
    eps: float = Field(1e-12, gt=0)
    """Of all layer norms (google-research/bert, albert and electra: 1e-12)."""
    norm_first: bool = False
    """Normalise what a layer reads (ModernBERT) and not the sum with what it adds (BERT)."""
    types: int = Field(2, ge=0)
    """Kinds of segment; 0: there is no embedding of them (ModernBERT)."""
    local_theta: float = Field(10_000.0, gt=1)
    """Base of the wave lengths of `rope` in layers that see their band only."""
    project: Literal["auto", "always"] = "auto"
    """A linear layer from the embedding to the width: `auto` where they differ (ELECTRA), `always`
    as Hugging Face's ALBERT has it."""
    unpad: Literal["auto", "on", "off"] = "auto"
    """Pass padding by (on a GPU, or compiled, all but the scores of attention does); `auto`: on a
    CPU, since the gain was measured there only."""

    @model_validator(mode="after")
    def _groups_divide(self) -> Self:
        groups = self.groups or self.layers
        if self.layers % groups:
            raise ValueError(f"groups = {groups} must divide layers = {self.layers}")
        defaults = ModelSettings()
        for name in ("kv_heads", "head_width", "tied", "document_mask"):
            if getattr(self, name) != getattr(defaults, name):
                raise ValueError(f"model.{name} is a decoder's setting; leave it out")
        return self

    @property
    def embedding_width(self) -> int:
        """Width of the token embedding."""
        return self.embedding or self.width

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
