"""The dataset card: what a build leaves for whoever finds the folder."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml
from support import Run

from pipeline.store.corpus import Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import MANIFEST
from pipeline.views.card import CARD, write_card

INTERVAL = "2024-01"


@pytest.fixture
def manifests(sample_root: Path, tmp_path: Path) -> Corpus:
    """The manifests of the sample alone, in a folder that a test may change."""
    for path in sample_root.rglob(MANIFEST):
        place = tmp_path / "corpus" / path.relative_to(sample_root)
        place.parent.mkdir(parents=True)
        shutil.copy(path, place)
    return Corpus(str(tmp_path / "corpus"))


def test_a_build_leaves_a_card_that_says_what_the_manifests_say(sample_root: Path) -> None:
    text = (sample_root / CARD).read_text()
    corpus = Corpus(str(sample_root))
    for stage in ("links", "pages", "documents", "dedup", "corpus"):
        counts = corpus.require(stage, INTERVAL).counts
        assert f"| {stage} | {counts.seen:,} | {counts.kept:,} |" in text
    for stage in ("corpus", "tokens/gpt2"):
        manifest = corpus.require(stage, INTERVAL)
        assert f"| `{stage}/{INTERVAL}` | `{manifest.fingerprint}` |" in text
    assert "`RS_2024-01.zst`" in text and "| links.min_karma | 3 |" in text
    assert str(sample_root) not in text
    front = yaml.safe_load(text.split("---\n")[1])
    assert front["language"] == ["en"] and front["size_categories"] == ["n<1K"]
    kept = corpus.require("corpus", INTERVAL).counts.kept
    assert len(list(sample_root.glob(front["configs"][0]["data_files"]))) > 0
    assert f"{kept:,} documents" in text


def test_its_code_loads_the_texts(sample_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"```python\n(.*?)```", (sample_root / CARD).read_text(), re.S)
    assert found
    monkeypatch.chdir(sample_root)
    names: dict[str, object] = {}
    exec(found[1], names)
    rows = names["texts"].fetchall()  # type: ignore[attr-defined]
    assert len(rows) == Corpus(str(sample_root)).require("corpus", INTERVAL).counts.kept


def test_the_same_corpus_has_the_same_card(manifests: Corpus, sample_root: Path) -> None:
    place = Path(write_card(manifests) or "")
    assert place.read_bytes() == (sample_root / CARD).read_bytes()
    before = place.stat().st_mtime_ns
    write_card(manifests)
    assert place.stat().st_mtime_ns == before


def test_an_unfinished_corpus_has_one(manifests: Corpus) -> None:
    shutil.rmtree(Path(manifests.root) / "corpus")
    shutil.rmtree(Path(manifests.root) / "tokens")
    text = Path(write_card(manifests) or "").read_text()
    assert "Intervals: none is finished yet." in text and "None yet." in text


def test_another_readme_stays(manifests: Corpus, webtext: Run) -> None:
    place = Path(manifests.root) / CARD
    place.write_text("mine")
    assert write_card(manifests) is None
    assert place.read_text() == "mine"


def test_there_is_none_without_a_corpus(tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match="holds no corpus"):
        write_card(Corpus(str(tmp_path)))
