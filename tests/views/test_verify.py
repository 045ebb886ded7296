"""`webtext verify --interval`: one month is checked, whatever the state of the others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.store.corpus import Corpus
from pipeline.store.errors import WebtextError
from pipeline.views.verify import verify_corpus


def test_only_the_files_of_an_interval_are_read(sample_root: Path, tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    shutil.copytree(sample_root, root)
    corpus = Corpus(str(root))
    whole = verify_corpus(corpus)
    begun = root / "documents" / "2024-02"
    begun.mkdir()
    (begun / "part-00000-of-00001.parquet").write_bytes(b"")
    assert verify_corpus(corpus, "2024-01") == whole
    with pytest.raises(WebtextError, match="documents of 2024-02 is unfinished"):
        verify_corpus(corpus)
    with pytest.raises(WebtextError, match="documents of 2024-02 is unfinished"):
        verify_corpus(corpus, "2024-02")
    with pytest.raises(WebtextError, match="holds no interval 2024-03"):
        verify_corpus(corpus, "2024-03")
    Path(corpus.paths("corpus", "2024-01")[0]).write_bytes(b"damaged")
    with pytest.raises(WebtextError, match="has 7 bytes"):
        verify_corpus(corpus, "2024-01")
