"""Answers and archives that are damaged by chance, each read or refused (`mutated.py`)."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from .mutated import read_answer, read_archive


def test_damaged_answers() -> None:
    """A page that is read comes out of its archive as it went in, to the same judgement."""
    chance = random.Random(5)
    ended = Counter(read_answer(chance) for _ in range(400))
    assert ended["ok"] > 200 and ended["no answer"] > 5 and ended["bad_encoding"] > 5


def test_damaged_archives(tmp_path: Path) -> None:
    chance = random.Random(5)
    ended = Counter(read_archive(chance, tmp_path) for _ in range(120))
    # Archives say when they were made, so what is damaged is not the same each time.
    assert 60 < ended["refused"] < 117
