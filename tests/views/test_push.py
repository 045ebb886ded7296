"""A corpus on a hub: what goes there, what a dry run asks, and what nobody may read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hub_server import TOKEN, Hub
from huggingface_hub import DatasetCard
from support import free_ports

from pipeline.cli import main
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError
from pipeline.store.hub import HubAddress, hub_address

TO = "hf://datasets/me/texts"


@pytest.fixture
def root(sample_root: Path, tmp_path: Path) -> Path:
    """A copy of the sample's corpus without its pages, which a test may change."""
    copy = tmp_path / "corpus"
    shutil.copytree(sample_root, copy, ignore=shutil.ignore_patterns("*.warc.gz"))
    return copy


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    return int(ended.value.code or 0)


def test_a_dry_run_names_what_would_go_and_changes_nothing(
    root: Path, hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "answer.json"
    assert run("--result", str(place), "push", str(root), TO, "--dry-run") == 0
    answer = json.loads(place.read_text())
    assert answer["created"] and answer["dry_run"] and answer["removed"] == []
    for name in answer["files"]:
        assert name in capsys.readouterr().out or (root / name).is_file()
    assert {method for method, _ in hub.asked} == {"GET"}
    assert hub.files == {}


def test_texts_decisions_and_card_are_loaded_from_there(
    root: Path, hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("push", str(root), TO, "--private") == 0
    files = hub.files["datasets/me/texts"]
    assert hub.private == {"datasets/me/texts": True}
    names = {path.relative_to(root).as_posix() for path in root.glob("corpus/*/*")}
    assert set(files) == names | {"README.md"}
    assert all(files[name] == (root / name).read_bytes() for name in files)
    data = DatasetCard(files["README.md"].decode()).data
    assert (data.license, data.language, data.size_categories) == ("other", ["en"], ["n<1K"])
    assert data.task_categories == ["text-generation"] and data.license_name
    assert f"Pushed to {hub.address}/datasets/me/texts" in capsys.readouterr().out


def test_the_next_push_sends_what_is_new_and_removes_what_is_gone(root: Path, hub: Hub) -> None:
    assert run("push", str(root), TO) == 0
    files, sent = hub.files["datasets/me/texts"], hub.uploads
    assert sent > 0
    files["corpus/2024-01/part-00007-of-00099.parquet"] = b"of an earlier build"
    files["notes.md"] = b"theirs"
    assert run("push", str(root), TO, "--stage", "corpus", "--stage", "tokens") == 0
    assert "corpus/2024-01/part-00007-of-00099.parquet" not in files
    assert files["notes.md"] == b"theirs"
    shards = [name for name in files if name.endswith(".bin")]
    assert shards and "tokenizers/gpt2/tokenizer.json" in files
    corpus_tables = [name for name in files if name.startswith("corpus/") and "parquet" in name]
    tables = [name for name in files if name.endswith((".parquet", ".bin"))]
    assert hub.uploads - sent == len(tables) - len(corpus_tables), "what is there is not sent again"


@pytest.mark.parametrize("why", ["token", "nobody"])
def test_a_refusal_is_one_line_and_the_token_in_none(
    root: Path,
    hub: Hub,
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if why == "token":
        hub.token = "another"
    else:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_ports(1)[0]}")
    assert run("--debug", "push", str(root), TO) == 1
    written = capsys.readouterr()
    (line,) = [one for one in written.err.splitlines() if one.startswith("webtext: ")]
    assert "The hub did not take me/texts" in line and "hf auth login" in line
    assert TOKEN not in written.out + written.err
    assert hub.files == {}


def test_what_is_not_there_is_refused(root: Path, hub: Hub) -> None:
    assert run("push", str(root), TO, "--stage", "corpse") == 2
    for folder in (root / "tokens").iterdir():
        shutil.rmtree(folder)
    assert run("push", str(root), TO, "--stage", "tokens") == 1
    assert Corpus(str(root)).intervals("corpus")
    assert hub.asked == []


def test_addresses_of_the_hub() -> None:
    assert hub_address("hf://datasets/me/texts", "dataset") == HubAddress("dataset", "me/texts")
    assert hub_address("hf://me/model-1.0", "model") == HubAddress("model", "me/model-1.0")
    for address in ("hf://me/texts", "me/texts", "hf://datasets/texts", "hf://datasets/a/b/c"):
        with pytest.raises(SettingError, match="hf://datasets/USER/NAME"):
            hub_address(address, "dataset")
    with pytest.raises(SettingError, match="hf://USER/NAME"):
        hub_address(TO, "model")
