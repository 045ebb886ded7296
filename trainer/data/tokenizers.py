"""Tokenizers: read, and compared by what they do to text.

A `tokenizer.json` is written in other words by each library that saves it, so files are no
comparison.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tokenizers import Tokenizer

from pipeline.store import files
from pipeline.store.errors import WebtextError

#: Parts that say how text becomes ids and ids become text; not how long an input may be or
#: which special tokens stand around it.
_PARTS = ("added_tokens", "decoder", "model", "normalizer", "pre_tokenizer")


def read_tokenizer(path: str | Path) -> Tokenizer:
    """Loads a `tokenizer.json`; WebtextError where it is missing or none."""
    try:
        return Tokenizer.from_str(files.read_bytes(str(path)).decode("utf-8"))
    except Exception as error:  # the library raises nothing narrower
        raise WebtextError(
            f"{path} is not a tokenizer: {error}", "Build the tokens again"
        ) from None


def content_of(path: str | Path) -> str:
    """A hash of what a tokenizer does: the same for the same, whoever wrote the file."""
    parts = json.loads(read_tokenizer(path).to_str())
    text = json.dumps([parts[name] for name in _PARTS], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
