"""Settings of the tokens stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.store.corpus import check_interval
from pipeline.store.settings import NameIn, OpenSettings, Settings, own_sections
from pipeline.tokens.kind import TOKENIZERS, TokenizerKind

#: What kinds were called before they were named by what they are; recipes may still say so.
_OLD_NAMES = {"gpt2": "bpe", "albert": "unigram", "electra": "wordpiece"}


class TokensSettings(OpenSettings):
    """The `[tokens]` section of a recipe."""

    name: str = "gpt2"
    """Folder of the tokenizer and its shards: `tokenizers/NAME`, `tokens/NAME`.  Where it is not
    set it follows from the kind: `gpt2` of `bpe`, `albert` of `unigram`, `electra` of
    `wordpiece`, else the kind's name."""
    kind: Annotated[str, NameIn(TOKENIZERS)] = "bpe"
    """Trained on the corpus: `bpe`, GPT-2's byte-level BPE; `unigram`, ALBERT's; `wordpiece`,
    that of BERT and ELECTRA.  `file`: an existing tokenizer."""
    path: str = ""
    """The tokenizer for `kind = "file"`: a `tokenizer.json`, or GPT-2's `vocab.json` with
    `merges.txt` beside it, or a folder with either."""
    vocab_size: int = Field(50_257, le=1 << 24)
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
    """Share of the documents that is kept for validation; one at least, and one to train on,
    where an interval has two."""
    header: Literal["none", "llm.c"] = "none"
    """`llm.c`: each `.bin` begins with the 1,024 bytes that llm.c and modded-nanogpt expect;
    Megatron opens it as well, nanoGPT without its first 512 tokens.  `none`: tokens alone."""

    _plain_name = field_validator("name")(check_interval)

    @classmethod
    def sections(cls) -> Mapping[str, type[Settings]]:
        """Of the kinds that have settings of their own."""
        return own_sections(TOKENIZERS)

    def unused(self) -> frozenset[str]:
        """The sections of other kinds."""
        return frozenset(self.sections()) - {self.kind}

    def identity(self) -> dict[str, Any]:
        """With the kind as manifests have always called it, so that corpora stay what they are."""
        return super().identity() | {"kind": self.chosen_kind().label or self.kind}

    @model_validator(mode="before")
    @classmethod
    def _of_kind(cls, values: Any) -> Any:
        """What follows from the kind where a recipe does not set it."""
        if not isinstance(values, Mapping):
            return values
        name = values.get("kind", "bpe")
        name = _OLD_NAMES.get(name, name)
        if name not in TOKENIZERS.names():
            return values  # refused, by name, when the fields are checked
        kind = TOKENIZERS.get(name)
        follows = {
            "name": kind.label or name,
            "vocab_size": kind.vocab_size,
            "end_token": kind.end_token,
        }
        return follows | dict(values) | {"kind": name}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        self.chosen_kind().check()
        return self

    def chosen_kind(self) -> TokenizerKind:
        """The kind with its settings."""
        kind = TOKENIZERS.get(self.kind, "tokens.kind")
        return kind(self, getattr(self, self.kind, kind.settings()))

    def of_tokenizer(self) -> dict[str, object]:
        """The settings that decide the tokenizer."""
        names = ["kind", "path", "end_token"]
        if self.chosen_kind().trained:
            names += ["vocab_size", "sample_bytes"]
        if self.kind in self.sections():
            names.append(self.kind)
        identity = self.identity()
        return {name: identity[name] for name in names}
