"""What the tokens stage asks of a kind of tokenizer; its registry is `webtext.tokenizers`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from tokenizers import Tokenizer

from pipeline.store.registry import Registry
from pipeline.store.settings import Settings

if TYPE_CHECKING:
    from pipeline.tokens.settings import TokensSettings


class TokenizerKind(ABC):
    """One kind: what `[tokens]` says where a recipe does not, and how the tokenizer is made."""

    #: Folder of the tokenizer and its name in manifests; empty: the name in the registry.
    label: ClassVar[str] = ""
    #: Settings of its own, the section `[tokens.NAME]`; here none.
    settings: ClassVar[type[Settings]] = Settings
    #: `tokens.vocab_size` and `tokens.end_token` where a recipe does not set them.
    vocab_size: ClassVar[int] = 50_257
    end_token: ClassVar[str] = ""
    #: Least `tokens.vocab_size`.
    least: ClassVar[int] = 2
    #: Whether it is trained on the corpus, so that another corpus makes another tokenizer.
    trained: ClassVar[bool] = True
    #: Special tokens by their role in transformers (`cls_token`, …); none: the end token has all.
    roles: ClassVar[Mapping[str, str]] = {}
    #: Most tokens of a text that the released models take; None: not known.
    longest: ClassVar[int | None] = None

    def __init__(self, tokens: TokensSettings, own: Settings) -> None:
        """`tokens` is the section `[tokens]`, `own` the section of this kind in it."""
        self.tokens, self.own = tokens, own

    @abstractmethod
    def make(self, texts: Iterable[str]) -> Tokenizer:
        """The tokenizer; `texts` is a sample of the corpus that may be read several times.

        Equal texts must give an equal tokenizer, whatever the machine.
        """

    def check(self) -> None:
        """Raises ValueError for settings that do not fit, when a recipe is read."""
        if self.tokens.vocab_size < self.least:
            raise ValueError(
                f"vocab_size of a {self.tokens.kind} tokenizer is {self.least:,} at least"
            )

    def files(self) -> list[str]:
        """Files beside the corpus that it is made from."""
        return []


TOKENIZERS = Registry("webtext.tokenizers", TokenizerKind, "tokenizer")  # type: ignore[type-abstract]
