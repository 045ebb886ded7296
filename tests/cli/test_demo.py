"""What the demo says in the end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.cli.demo import _Shell, set_aside_earlier
from pipeline.store.manifest import Counts, Manifest, write_manifest


def test_a_folder_with_brackets_is_said_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rich takes `[c]` for a style of its own, and leaves it out."""
    _Shell(tmp_path).say("(`webtext` is /home/a b [c]/bin/webtext)")
    assert "/home/a b [c]/bin/webtext" in capsys.readouterr().out


def _shards(folder: Path, fingerprint: str) -> Path:
    manifest = Manifest(
        stage="tokens",
        interval=folder.name,
        settings={},
        settings_hash="",
        inputs={},
        code_version="1",
        runner="local",
        counts=Counts(),
        files=[],
        fingerprint=fingerprint,
    )
    folder.mkdir(parents=True)
    write_manifest(str(folder), manifest)
    return folder.parent


def test_a_run_on_an_earlier_corpus_makes_room_and_any_other_goes_on(tmp_path: Path) -> None:
    run, earlier, now = tmp_path / "run [1]", f"{1:064x}", f"{2:064x}"
    shards = _shards(tmp_path / "gpt2 [1]" / "2024-01", now)
    assert set_aside_earlier(run, shards) is None  # before the first training
    run.mkdir()
    (run / "run.json").write_text(json.dumps({"fingerprint": now}))
    assert set_aside_earlier(run, shards) is None
    (run / "run.json").write_text(json.dumps({"fingerprint": earlier}))
    aside = set_aside_earlier(run, shards)
    assert aside == tmp_path / "run [1]-000000000000"
    assert (aside / "run.json").is_file() and not run.exists()


def test_a_run_on_a_corpus_that_has_grown_is_left_alone(tmp_path: Path) -> None:
    """It may go on, or say itself why it cannot."""
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text(json.dumps({"fingerprint": f"{1:064x}"}))
    for interval in ("2024-01", "2024-02"):
        shards = _shards(tmp_path / "gpt2" / interval, f"{2:064x}")
    assert set_aside_earlier(run, shards) is None
