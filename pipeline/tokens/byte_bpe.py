"""GPT-2's tokenizer: byte-level BPE (Radford et al. 2019, section 2.2).

GPT-2's pre-tokenization, no normalisation: every text comes back to the byte.  The end
token is the last of the vocabulary, as GPT-2's is 50,256.  The trainer of `tokenizers`
breaks ties by number, and numbers the 256 bytes in a fixed order, so the same texts give
the same merges.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from pipeline.tokens.kind import TokenizerKind


class ByteBpe(TokenizerKind):
    """Vocabulary (50,257) and end token of GPT-2's release where a recipe does not set them."""

    label = "gpt2"
    end_token = "<|endoftext|>"
    least = 258  # the bytes, one merge, and the end token
    longest = 1024

    def make(self, texts: Iterable[str]) -> Tokenizer:
        """A byte-level BPE of at most `vocab_size` tokens, the end token included."""
        tokenizer, end = byte_level(models.BPE()), self.tokens.end_token
        trainer = trainers.BpeTrainer(
            vocab_size=self.tokens.vocab_size - bool(end),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        if end:
            tokenizer.add_special_tokens([AddedToken(end, special=True)])
        return tokenizer


def byte_level(model: models.BPE) -> Tokenizer:
    """The tokenizer around a BPE of GPT-2's kind."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer
