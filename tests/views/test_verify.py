"""`webtext verify --interval`: one month is checked, whatever the state of the others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pipeline.store.corpus import Corpus
from pipeline.store.errors import WebtextError
from pipeline.views import processes
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


def test_tokenizers_are_verified(sample_root: Path, tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    shutil.copytree(sample_root, root)
    corpus, folder = Corpus(str(root)), root / "tokenizers" / "gpt2"
    whole = (folder / "tokenizer.json").read_bytes()
    swapped = json.loads(whole)
    ids = swapped["model"]["vocab"]
    first, second = list(ids)[300:302]
    ids[first], ids[second] = ids[second], ids[first]
    (folder / "tokenizer.json").write_text(json.dumps(swapped))
    with pytest.raises(WebtextError, match=r"tokenizers/gpt2/tokenizer\.json .*Bring it back"):
        verify_corpus(corpus)
    (folder / "tokenizer.json").write_bytes(whole)
    (folder / "tokenizer_config.json").rename(tmp_path / "kept")
    with pytest.raises(WebtextError, match=r"tokenizer_config\.json is missing"):
        verify_corpus(corpus)
    (tmp_path / "kept").rename(folder / "tokenizer_config.json")
    manifest = folder / "_manifest.json"
    other = json.loads(manifest.read_text())
    other["fingerprint"] = other["files"][0]["fingerprint"] = "0" * 64
    kept = manifest.read_bytes()
    manifest.write_text(json.dumps(other))
    with pytest.raises(WebtextError, match="made with another tokenizer"):
        verify_corpus(corpus)
    manifest.unlink()
    with pytest.raises(WebtextError, match="Tokenizer gpt2 has no manifest"):
        verify_corpus(corpus)
    manifest.write_bytes(kept)
    verify_corpus(corpus)


@pytest.mark.parametrize("stage", ["documents", "pages", "tokens/gpt2"])
def test_a_file_that_no_manifest_names(stage: str, sample_root: Path, tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    shutil.copytree(sample_root, root)
    corpus = Corpus(str(root))
    Path(corpus.folder(stage, "2024-01"), "part-00009-of-00010.parquet").write_bytes(b"stray")
    with pytest.raises(WebtextError, match=r"part-00009-of-00010\.parquet is in no manifest"):
        verify_corpus(corpus)


def test_processes_find_what_one_finds(
    sample_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "corpus"
    shutil.copytree(sample_root, root)
    corpus = Corpus(str(root))
    monkeypatch.setattr(processes, "_WORTH_PROCESSES", 0.0)
    assert verify_corpus(corpus, workers=2) == verify_corpus(corpus)
    for stage in ("quality", "documents"):  # what is first is told, whoever finds it first
        path = Path(corpus.paths(stage, "2024-01")[0])
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    messages = []
    for workers in (1, 2):
        with pytest.raises(WebtextError, match="was changed: its sha256") as caught:
            verify_corpus(corpus, workers=workers)
        messages.append(str(caught.value))
    assert messages[0] == messages[1] and "/documents/" in messages[0]
