"""`webtext --result FILE`: what a command found, for programs."""

from __future__ import annotations

import json
from pathlib import Path

from support import Run, sample_settings

from pipeline.store.corpus import STAGES, Corpus


def test_build_says_counts_and_fingerprints(
    sample_root: Path, tmp_path: Path, webtext: Run, replay: str
) -> None:
    place = tmp_path / "said" / "result.json"
    settings = sample_settings(sample_root, replay)
    done = webtext("--result", str(place), "build", "quickstart", *settings, "--workers=1")
    assert done.returncode == 0, done.stdout
    said = json.loads(place.read_text())
    assert (said["root"], said["interval"]) == (str(sample_root), "2024-01")
    assert list(said["stages"]) == list(STAGES)
    manifest = Corpus(str(sample_root)).require("corpus", "2024-01")
    assert said["stages"]["corpus"] == {
        "in": manifest.counts.seen,
        "kept": manifest.counts.kept,
        "dropped": manifest.counts.dropped,
        "fingerprint": manifest.fingerprint,
        "reason": None,
    }


def test_verify_says_what_it_checked_and_a_failure_writes_nothing(
    sample_root: Path, tmp_path: Path, webtext: Run
) -> None:
    place = tmp_path / "result.json"
    assert webtext("--result", str(place), "verify", str(sample_root)).returncode == 0
    said = json.loads(place.read_text())
    assert said["stages"] == len(STAGES)
    assert said["files"] > said["stages"]
    place.unlink()
    assert webtext("--result", str(place), "verify", str(tmp_path)).returncode == 1
    assert not place.exists()
