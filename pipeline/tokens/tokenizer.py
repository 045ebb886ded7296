"""Tokenizers: a byte-level BPE trained on the corpus, or an existing one taken over."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from pipeline import files
from pipeline.errors import SettingError
from pipeline.tokens.settings import TokensSettings

_PIECE = 100_000  # characters handed to the trainer at once


def train(texts: Iterable[str], settings: TokensSettings) -> Tokenizer:
    """GPT-2's tokenizer (Radford et al. 2019, section 2.2), trained on `texts`.

    Byte-level BPE with GPT-2's pre-tokenization, no normalisation; the end token is
    the last of the vocabulary, as GPT-2's is 50,256.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocab_size - bool(settings.end_token),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_pieces(texts), trainer)
    if settings.end_token:
        tokenizer.add_special_tokens([AddedToken(settings.end_token, special=True)])
    return tokenizer


def _pieces(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for start in range(0, len(text), _PIECE):
            yield text[start : start + _PIECE]


def load(path: str, settings: TokensSettings) -> Tokenizer:
    """An existing `tokenizer.json`; SettingError when it cannot be used."""
    try:
        tokenizer = Tokenizer.from_str(files.read_bytes(path).decode())
    except FileNotFoundError:
        raise SettingError(f"tokens.path: {path} does not exist") from None
    except Exception as error:  # the library raises nothing narrower
        raise SettingError(f"{path} is no tokenizer.json: {error}") from None
    end_id(tokenizer, settings)
    return tokenizer


def end_id(tokenizer: Tokenizer, settings: TokensSettings) -> int | None:
    """The id of the end token, None where there is to be none."""
    if not settings.end_token:
        return None
    found = tokenizer.token_to_id(settings.end_token)
    if found is None:
        raise SettingError(
            f"The tokenizer has no token {settings.end_token!r}", "Set tokens.end_token to its own"
        )
    return int(found)


def in_sample(page: str, fraction: float) -> bool:
    """Whether a document is in the tokenizer's sample: by hash, the same at any time."""
    return _share(page, b"tokenizer") < fraction


def in_validation(page: str, fraction: float) -> bool:
    """Whether a cluster of near-duplicates, named by its kept document, is for validation."""
    return _share(page, b"validation") < fraction


def order_of(page: str) -> str:
    """Where a document stands: in order of this hash, which is independent of the split's."""
    return hashlib.blake2b(page.encode(), digest_size=16, person=b"order").hexdigest()


def _share(page: str, purpose: bytes) -> float:
    digest = hashlib.blake2b(page.encode(), digest_size=8, person=purpose).digest()
    return int.from_bytes(digest) / 2**64
