"""Settings of the tokens stage."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.corpus import check_interval
from pipeline.settings import Settings


class TokensSettings(Settings):
    """The `[tokens]` section of a recipe."""

    name: str = "gpt2"
    """Folder of the tokenizer and its shards: `tokenizers/NAME`, `tokens/NAME`."""
    kind: Literal["gpt2", "file"] = "gpt2"
    """`gpt2`: a byte-level BPE trained on the corpus.  `file`: an existing `tokenizer.json`."""
    path: str = ""
    """The tokenizer for `kind = "file"`."""
    vocab_size: int = Field(50_257, ge=258, le=1 << 24)
    """Tokens of a trained vocabulary, the end token included (GPT-2: 50,257).  A corpus too
    small for so many gets fewer; the manifest says how many."""
    sample_bytes: int = Field(2_000_000_000, ge=1_000)
    """Text to train the tokenizer on, chosen by hash of the id."""
    end_token: str = "<|endoftext|>"
    """The token after each document; empty for none."""
    shards: int = Field(0, ge=0, le=100_000)
    """Number of training shards; 0: as many as `shard_tokens` makes."""
    shard_tokens: int = Field(100_000_000, ge=1_000)
    """Tokens of a shard (200 MB as uint16), when their number is not set."""
    validation_fraction: float = Field(0.01, gt=0, lt=1)
    """Share of the documents that is kept for validation."""

    _plain_name = field_validator("name")(check_interval)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "file" and not self.path:
            raise ValueError('tokens.path is empty; name the tokenizer.json for kind = "file"')
        return self

    def of_tokenizer(self) -> dict[str, object]:
        """The settings that decide the tokenizer."""
        names = ["kind", "path", "end_token"]
        if self.kind != "file":
            names += ["vocab_size", "sample_bytes"]
        return {name: getattr(self, name) for name in names}
