"""Tokenizers: trained on the corpus, or an existing one taken as it is; and choices by hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

import orjson
from tokenizers import AddedToken, Tokenizer, models

from pipeline.store import files
from pipeline.store.chance import chance_of
from pipeline.store.errors import SettingError
from pipeline.tokens import byte_bpe, unigram, wordpiece
from pipeline.tokens.settings import TokensSettings

TOKENIZER = "tokenizer.json"
CONFIG = "tokenizer_config.json"
SPECIAL = "special_tokens_map.json"


class Kind(NamedTuple):
    """One kind of tokenizer: how it is trained, and what transformers is told of it."""

    train: Callable[[Iterable[str], TokensSettings], Tokenizer]
    #: Special tokens by their role in transformers; of GPT-2 the end token has all roles.
    roles: dict[str, str]
    #: Positions of the released models.
    longest: int


KINDS = {
    "gpt2": Kind(byte_bpe.train, {}, 1024),
    "albert": Kind(unigram.train, unigram.ROLES, 512),
    "electra": Kind(wordpiece.train, wordpiece.ROLES, 512),
}


def train(texts: Iterable[str], settings: TokensSettings) -> Tokenizer:
    """The tokenizer of the settings' kind; `texts` may be read several times."""
    return KINDS[settings.kind].train(texts, settings)


def source_files(path: str) -> list[str]:
    """The files of an existing tokenizer; SettingError where there is none.

    `path` is a `tokenizer.json`, a `vocab.json` with `merges.txt` beside it, or a folder
    with either.
    """
    folder = path.rstrip("/") if not path.endswith(".json") else path.rpartition("/")[0] or "."
    pair = [files.join(folder, "vocab.json"), files.join(folder, "merges.txt")]
    if path.endswith("vocab.json"):
        wanted = pair
    elif path.endswith(".json"):
        wanted = [path]
    else:
        whole = files.join(folder, TOKENIZER)
        wanted = [whole] if files.exists(whole) else pair
    for name in wanted:
        if not files.exists(name):
            raise SettingError(
                f"tokens.path: {name} does not exist",
                "Name a tokenizer.json, or a vocab.json with merges.txt beside it",
            )
    return wanted


def load(path: str, settings: TokensSettings) -> Tokenizer:
    """An existing tokenizer; SettingError when it cannot be used."""
    wanted = source_files(path)
    try:
        contents = [files.read_bytes(name).decode() for name in wanted]
        tokenizer = Tokenizer.from_str(contents[0]) if len(contents) == 1 else _gpt2(*contents)
    except Exception as error:  # the library raises nothing narrower
        raise SettingError(f"{wanted[0]} is no {_named(wanted)}: {error}") from None
    if len(wanted) > 1 and settings.end_token:
        end_id(tokenizer, settings)
        tokenizer.add_special_tokens([AddedToken(settings.end_token, special=True)])
    end_id(tokenizer, settings)
    return tokenizer


def _named(wanted: list[str]) -> str:
    return "tokenizer.json" if len(wanted) == 1 else "vocab.json with a merges.txt"


def _gpt2(vocab: str, merges: str) -> Tokenizer:
    """GPT-2's own files: entries with their ids, and one merge a line after a version line."""
    lines = [line for line in merges.split("\n") if line and not line.startswith("#version")]
    pairs = [(left, right) for left, _, right in (line.partition(" ") for line in lines)]
    return byte_bpe.byte_level(models.BPE(vocab=orjson.loads(vocab), merges=pairs))


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


def for_transformers(tokenizer: Tokenizer, settings: TokensSettings) -> dict[str, bytes]:
    """The two small files by which `transformers` loads a folder with the tokenizer."""
    kind = KINDS.get(settings.kind)
    end = dict.fromkeys(("bos_token", "eos_token", "unk_token"), settings.end_token)
    roles = dict(kind.roles) if kind and kind.roles else end if settings.end_token else {}
    config: dict[str, object] = {
        # The class that does what tokenizer.json says; those named after models rebuild it.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        **roles,
    }
    if kind:
        config["model_max_length"] = kind.longest
    if "sep_token" in roles:
        config["model_input_names"] = ["input_ids", "token_type_ids", "attention_mask"]
    option = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
    return {
        CONFIG: orjson.dumps(config, option=option) + b"\n",
        SPECIAL: orjson.dumps(roles, option=option) + b"\n",
    }


def in_sample(page: str, fraction: float) -> bool:
    """Whether a document is in the tokenizer's sample: by hash, the same at any time."""
    return chance_of(page, "tokenizer") < fraction


def in_validation(page: str, fraction: float) -> bool:
    """Whether a cluster of near-duplicates, named by its kept document, is for validation."""
    return chance_of(page, "validation") < fraction


def order_of(page: str) -> str:
    """Where a document stands: in order of this hash, which is independent of the split's."""
    return hashlib.blake2b(page.encode(), digest_size=16, person=b"order").hexdigest()
