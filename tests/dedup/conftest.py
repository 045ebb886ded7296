"""What the dedup tests share: an empty corpus, made-up documents, real passages."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from dedup.intervals import Dedups, Document, document


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
def passages(shared_data: Path) -> list[str]:
    """1,500 real passages of 300 to 900 words, from public-domain books."""
    rng = random.Random(7)
    found: list[str] = []
    with (shared_data / "books.ndjson.zst").open("rb") as packed:
        stream = zstandard.ZstdDecompressor().stream_reader(packed)
        for line in io.TextIOWrapper(stream, encoding="utf-8"):
            words = json.loads(line)["text"].split(" ")
            start = 500
            while start < len(words) - 1000 and len(found) % 50 < 49:
                length = rng.randint(300, 900)
                found.append(" ".join(words[start : start + length]))
                start += length
            found.append(" ".join(words[:400]))
            if len(found) >= 1500:
                return found[:1500]
    return found
