"""What the dedup tests share: an empty corpus, made-up documents and passages."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from dedup.intervals import Dedups, Document, document
from english import documents


@pytest.fixture
def dedups(tmp_path: Path) -> Dedups:
    """An empty corpus."""
    return Dedups(tmp_path / "corpus")


@pytest.fixture(scope="session")
def new_document() -> Callable[..., Document]:
    """Makes a row of the documents table."""
    return document


@pytest.fixture(scope="session")
def prose() -> Callable[[int, int], list[str]]:
    """Makes texts of random words, no two alike: (how many, words of each)."""

    def texts(count: int, words: int) -> list[str]:
        rng = random.Random(f"{count} {words}")
        vocabulary = ["".join(rng.choices("abcdefghijklmnoprstuvw", k=6)) for _ in range(5000)]
        return [" ".join(rng.choices(vocabulary, k=words)) for _ in range(count)]

    return texts


@pytest.fixture(scope="session")
def passages() -> list[str]:
    """400 passages of made-up English, of 200 to 600 words."""
    return documents(1_100_000)[:400]
