"""A `tokenizer.json` that older releases of `tokenizers` open as well, with the same meaning.

Since 0.20 merges of a BPE are written as pairs, and Metaspace (SentencePiece's mark of spaces)
says in two new fields what `add_prefix_space` said; both ways are read up to this day.
"""

from __future__ import annotations

import json
from typing import Any


def portable_tokenizer(text: str) -> str:
    """The same tokenizer, its merges as `a b`, and with the old field beside the new ones."""
    tokenizer = json.loads(text)
    model = tokenizer["model"]
    merges = model.get("merges")
    if merges and all(len(pair) == 2 and not any(" " in part for part in pair) for pair in merges):
        model["merges"] = [" ".join(pair) for pair in merges]
    for part in ("pre_tokenizer", "decoder"):
        for one in _components(tokenizer.get(part)):
            scheme = one.get("prepend_scheme")
            if one["type"] == "Metaspace" and scheme in ("always", "never"):
                one["add_prefix_space"] = scheme == "always"
    return json.dumps(tokenizer, ensure_ascii=False, indent=2)


def _components(part: dict[str, Any] | None) -> list[dict[str, Any]]:
    """A step of a tokenizer, or the steps of a sequence."""
    if part is None:
        return []
    inner = part.get("pretokenizers") or part.get("decoders") or []
    return [part, *(one for some in inner for one in _components(some))]
