"""The header of llm.c's `.bin` files: 1,024 bytes before the tokens.

    int32[256]  20240520, 1 (the version), the number of tokens, zeros

All numbers are little endian; the layout is that of `dev/data/data_common.py` in karpathy/llm.c.
modded-nanogpt reads the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.store.errors import WebtextError

MAGIC = 20_240_520
VERSION = 1
BYTES = 1024
#: Tokens that the header's int32 can hold.
MOST_TOKENS = (1 << 31) - 1


def header(tokens: int) -> bytes:
    """The header of a `.bin` with so many tokens."""
    fields = np.zeros(BYTES // 4, "<i4")
    fields[:3] = MAGIC, VERSION, tokens
    return fields.tobytes()


def check_header(data: Any, tokens: int, name: str, remedy: str) -> None:
    """Raises WebtextError when `data`, the first bytes of `name`, is no header for `tokens`."""
    fields = np.frombuffer(data, "<i4")[:3].tolist()
    expected = [MAGIC, VERSION, tokens]
    if fields != expected:
        raise WebtextError(f"{name}: its llm.c header says {fields}, not {expected}", remedy)
