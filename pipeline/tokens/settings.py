"""Settings of the tokens stage."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.store.corpus import check_interval
from pipeline.store.settings import Settings

#: What follows from `kind` where a recipe does not set it: the vocabularies of the releases of
#: GPT-2, ALBERT and ELECTRA, and GPT-2's end of text (the other two have none in their data).
_OF_KIND: dict[str, dict[str, Any]] = {
    "gpt2": {"vocab_size": 50_257, "end_token": "<|endoftext|>"},
    "albert": {"vocab_size": 30_000, "end_token": ""},
    "electra": {"vocab_size": 30_522, "end_token": ""},
    "file": {"end_token": "<|endoftext|>"},
}


class TokensSettings(Settings):
    """The `[tokens]` section of a recipe."""

    name: str = "gpt2"
    """Folder of the tokenizer and its shards: `tokenizers/NAME`, `tokens/NAME`.  The kind's
    name where it is not set."""
    kind: Literal["gpt2", "albert", "electra", "file"] = "gpt2"
    """Trained on the corpus: `gpt2`, a byte-level BPE; `albert`, a Unigram; `electra`, a
    WordPiece.  `file`: an existing tokenizer."""
    path: str = ""
    """The tokenizer for `kind = "file"`: a `tokenizer.json`, or GPT-2's `vocab.json` with
    `merges.txt` beside it, or a folder with either."""
    vocab_size: int = Field(50_257, ge=258, le=1 << 24)
    """Tokens of a trained vocabulary, special ones included; follows from the kind where it
    is not set.  A corpus too small for so many gets fewer; the manifest says how many."""
    sample_bytes: int = Field(2_000_000_000, ge=1_000)
    """Text to train the tokenizer on, chosen by hash of the id."""
    end_token: str = "<|endoftext|>"
    """The token after each document; empty for none; follows from the kind where it is not
    set."""
    shards: int = Field(0, ge=0, le=100_000)
    """Number of training shards; 0: as many as `shard_tokens` makes."""
    shard_tokens: int = Field(100_000_000, ge=1_000, le=2_000_000_000)
    """Tokens of a shard (200 MB as uint16), when their number is not set."""
    validation_fraction: float = Field(0.01, gt=0, lt=1)
    """Share of the documents that is kept for validation."""
    header: Literal["none", "llm.c"] = "none"
    """`llm.c`: each `.bin` begins with the 1,024 bytes that llm.c and modded-nanogpt expect;
    Megatron opens it as well, nanoGPT without its first 512 tokens.  `none`: tokens alone."""

    _plain_name = field_validator("name")(check_interval)

    @model_validator(mode="before")
    @classmethod
    def _of_kind(cls, values: Any) -> Any:
        kind = values.get("kind", "gpt2") if isinstance(values, dict) else None
        if kind not in _OF_KIND:
            return values  # refused, by name, when the fields are checked
        return {"name": kind} | _OF_KIND[kind] | values

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "file" and not self.path:
            raise ValueError('tokens.path is empty; name the tokenizer.json for kind = "file"')
        if self.kind == "electra" and self.vocab_size < 1_000:
            raise ValueError("vocab_size of an electra tokenizer is 1,000 at least")
        return self

    def of_tokenizer(self) -> dict[str, object]:
        """The settings that decide the tokenizer."""
        names = ["kind", "path", "end_token"]
        if self.kind != "file":
            names += ["vocab_size", "sample_bytes"]
        return {name: getattr(self, name) for name in names}
