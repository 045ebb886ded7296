"""The tokenizer of a recipe, and its files in a corpus."""

from __future__ import annotations

import orjson
from tokenizers import Tokenizer

from pipeline.store.errors import SettingError
from pipeline.tokens.settings import TokensSettings

TOKENIZER = "tokenizer.json"
CONFIG = "tokenizer_config.json"
SPECIAL = "special_tokens_map.json"


def end_id(tokenizer: Tokenizer, end_token: str) -> int | None:
    """The id of the end token, None where there is to be none."""
    if not end_token:
        return None
    number = tokenizer.token_to_id(end_token)
    if number is None:
        raise SettingError(
            f"The tokenizer has no token {end_token!r}", "Set tokens.end_token to its own"
        )
    return int(number)


def for_transformers(settings: TokensSettings) -> dict[str, bytes]:
    """The two small files by which `transformers` loads a folder with the tokenizer."""
    kind, end = settings.chosen_kind(), settings.end_token
    roles = dict(kind.roles)
    if not roles and end:
        roles = dict.fromkeys(("bos_token", "eos_token", "unk_token"), end)
    config: dict[str, object] = {
        # The class that does what tokenizer.json says; those named after models rebuild it.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        **roles,
    }
    if kind.longest:
        config["model_max_length"] = kind.longest
    if "sep_token" in roles:
        config["model_input_names"] = ["input_ids", "token_type_ids", "attention_mask"]
    option = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
    return {
        CONFIG: orjson.dumps(config, option=option) + b"\n",
        SPECIAL: orjson.dumps(roles, option=option) + b"\n",
    }
