"""GPT-2's tokenizer: byte-level BPE (Radford et al. 2019, section 2.2).

GPT-2's pre-tokenization, no normalisation: every text comes back to the byte.  The end
token is the last of the vocabulary, as GPT-2's is 50,256.  The trainer of `tokenizers`
breaks ties by number, and numbers the 256 bytes in a fixed order, so the same texts give
the same merges.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from pipeline.tokens.settings import TokensSettings


def train(texts: Iterable[str], settings: TokensSettings) -> Tokenizer:
    """A byte-level BPE of at most `settings.vocab_size` tokens, the end token included."""
    tokenizer = byte_level(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocab_size - bool(settings.end_token),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if settings.end_token:
        tokenizer.add_special_tokens([AddedToken(settings.end_token, special=True)])
    return tokenizer


def byte_level(model: models.BPE) -> Tokenizer:
    """The tokenizer around a BPE of GPT-2's kind."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer
