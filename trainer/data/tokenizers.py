"""Tokenizers: read, and compared by what they do to text.

A `tokenizer.json` is written in other words by each library that saves it, so files are no
comparison.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
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


def same_tokenizers(paths: Sequence[str | Path]) -> bool:
    """Whether tokenizers do the same to text, whoever wrote their files."""
    written = {str(path): files.read_bytes(str(path)) for path in paths}
    if len(set(written.values())) == 1:
        return True
    return len({_content(path) for path in written}) == 1


def _content(path: str) -> str:
    parts = json.loads(read_tokenizer(path).to_str())
    return json.dumps([parts[name] for name in _PARTS], sort_keys=True)
