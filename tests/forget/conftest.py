"""A corpus that a test may change, and one that was made to forget."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.store.corpus import Corpus
from pipeline.views.show import select


@pytest.fixture
def copy(sample_root: Path, tmp_path: Path) -> Corpus:
    shutil.copytree(sample_root, tmp_path / "corpus")
    return Corpus(str(tmp_path / "corpus"))


@pytest.fixture(scope="session")
def entries(sample_root: Path) -> list[str]:
    """An address, a document's id, a host, a page that was not kept, and a comment."""
    corpus = Corpus(str(sample_root))
    kept = select(corpus, "corpus", where=None, limit=2)
    dropped = select(corpus, "decisions", where="NOT kept", limit=1)
    said = select(corpus, "links", where="mentions[1].kind = 'comment'", limit=1)
    return [
        kept[0]["url"] + "?utm_source=x",
        kept[1]["id"],
        "mirror.example",
        dropped[0]["id"],
        said[0]["mentions"][0]["reddit_id"],
    ]


@pytest.fixture
def listed(entries: list[str], tmp_path: Path) -> str:
    place = tmp_path / "list.txt"
    place.write_text("# asked for by mail\n" + "\n".join(entries) + "\n")
    return str(place)
