"""A tokenizer: one token a character, with BERT's special tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import ClassVar

from pydantic import Field
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from pipeline.store.settings import Settings
from pipeline.tokens.kind import TokenizerKind


class CharactersSettings(Settings):
    """`[tokens.characters]`."""

    min_count: int = Field(2, ge=1)
    """Times that a character must be seen; rarer ones become [UNK]."""


class Characters(TokenizerKind):
    """The most frequent characters of a sample of the corpus, at most `tokens.vocab_size`."""

    settings = CharactersSettings
    vocab_size = 1_000
    least = 10
    roles: ClassVar[Mapping[str, str]] = {
        f"{role}_token": f"[{role.upper()}]" for role in ("pad", "unk", "cls", "sep", "mask")
    }
    own: CharactersSettings

    def make(self, texts: Iterable[str]) -> Tokenizer:
        """Special tokens come first, then characters by frequency and code point."""
        counts = Counter(character for text in texts for character in text)
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        seen = [character for character, count in ranked if count >= self.own.min_count]
        entries = [*self.roles.values(), *seen][: self.tokens.vocab_size]
        numbers = {entry: number for number, entry in enumerate(entries)}
        tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        tokenizer.decoder = decoders.Fuse()
        tokenizer.add_special_tokens(
            [AddedToken(token, special=True, normalized=False) for token in self.roles.values()]
        )
        return tokenizer
