"""Publishing intervals: only finished ones, never changed unseen, whole or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import orjson
import pytest
from support import Run

from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.manifest import MANIFEST
from pipeline.store.release import RELEASE, publish, read_release

INTERVAL = "2024-01"


@pytest.fixture
def corpus(sample_root: Path, tmp_path: Path) -> Corpus:
    """The manifests of the sample, in a folder that a test may change."""
    for path in sample_root.rglob(MANIFEST):
        place = tmp_path / "corpus" / path.relative_to(sample_root)
        place.parent.mkdir(parents=True)
        shutil.copy(path, place)
    return Corpus(str(tmp_path / "corpus"))


def change(corpus: Corpus, stage: str, **values: object) -> None:
    place = Path(corpus.folder(stage, INTERVAL)) / MANIFEST
    place.write_bytes(orjson.dumps(json.loads(place.read_text()) | values))


def test_a_finished_interval_is_published_once(corpus: Corpus, webtext: Run) -> None:
    said = Path(corpus.root).parent / "said.json"
    done = webtext("--result", str(said), "publish", corpus.root)
    assert done.returncode == 0, done.stdout
    place = Path(corpus.root) / RELEASE
    before = place.read_bytes()
    release = json.loads(before)["intervals"][INTERVAL]
    texts = corpus.require("corpus", INTERVAL)
    tokens = corpus.require("tokens/gpt2", INTERVAL)
    assert release["documents"] == texts.counts.kept
    assert release["fingerprints"] == {
        "corpus": texts.fingerprint,
        "tokens/gpt2": tokens.fingerprint,
    }
    assert json.loads(said.read_text()) == {
        "root": corpus.root,
        "interval": INTERVAL,
        "intervals": [INTERVAL],
        "documents": texts.counts.kept,
        "fingerprint": texts.fingerprint,
        "data": [f"{corpus.root}/tokens/gpt2"],
    }
    publish(corpus, INTERVAL)
    assert place.read_bytes() == before


def test_what_was_published_does_not_change_unseen(corpus: Corpus) -> None:
    publish(corpus, INTERVAL)
    change(corpus, "tokens/gpt2", fingerprint="1")
    with pytest.raises(SettingError, match=r"published with other tokens/gpt2.*--replace"):
        publish(corpus, INTERVAL)
    publish(corpus, INTERVAL, replace=True)
    found = read_release(corpus).intervals[INTERVAL].fingerprints
    assert found["tokens/gpt2"] == "1"


def test_shards_of_other_texts_are_not_published(corpus: Corpus) -> None:
    change(corpus, "corpus", fingerprint="1")
    with pytest.raises(WebtextError, match="tokens/gpt2 of 2024-01 was made from other texts"):
        publish(corpus, INTERVAL)
    assert not (Path(corpus.root) / RELEASE).exists()


@pytest.mark.parametrize("stage", ["corpus", "tokens/gpt2"])
def test_an_unfinished_interval_is_not_published(corpus: Corpus, stage: str) -> None:
    (Path(corpus.folder(stage, INTERVAL)) / MANIFEST).unlink()
    with pytest.raises(WebtextError, match=f"Stage {stage} of {INTERVAL} is not built"):
        publish(corpus, INTERVAL)


def test_a_damaged_release_is_named(corpus: Corpus) -> None:
    (Path(corpus.root) / RELEASE).write_text('{"intervals": 3}')
    with pytest.raises(WebtextError, match=f"{RELEASE} is damaged"):
        publish(corpus, INTERVAL)
