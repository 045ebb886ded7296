"""`webtext --result FILE`: what a command found, for programs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support import PROJECT, Run, sample_settings

from pipeline.cli import main
from pipeline.sample import POSTS
from pipeline.store.corpus import STAGES, Corpus

PAGE = (PROJECT / "docs" / "results.md").read_text()


def answer(place: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    """What a subcommand writes, run in this process."""
    with pytest.raises(SystemExit) as ended:
        main(["--result", str(place), *arguments])
    assert ended.value.code == code
    found: dict[str, Any] = json.loads(place.read_text())
    return found


def documented(command: str) -> set[str]:
    """The names in the table's row of a subcommand, up to the first colon or semicolon."""
    (row,) = re.findall(rf"^\| `{command}` \| (.*) \|$", PAGE, re.M)
    return set(re.findall(r"`(\w+)`", row))


def test_views_answer_with_what_the_page_says(
    sample_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, place = str(sample_root), tmp_path / "answer.json"
    found = answer(place, "status", root)
    assert [(one["stage"], one["state"]) for one in found["stages"]] == [
        (stage if stage != "tokens" else "tokens/gpt2", "built") for stage in STAGES
    ]
    assert found.keys() | found["stages"][0].keys() <= documented("status")
    rows = answer(place, "show", root, "decisions", "--where", "NOT kept", "--n", "2")["rows"]
    assert len(rows) == 2 and not any(row["kept"] for row in rows)
    life = answer(place, "why", root, rows[0]["id"])
    assert life["steps"][-1]["row"]["reason"] == rows[0]["reason"]
    assert life.keys() | life["steps"][0].keys() == documented("why")
    change = answer(place, "what-if", root, "--set", "quality.gopher.min_words=400")
    assert change["kept_after"] < change["kept_before"]
    assert change["leave"][0]["examples"]
    assert change.keys() < documented("what-if")
    assert capsys.readouterr().out  # people read it as well


def test_questions_answer_and_the_exit_code_says_no(tmp_path: Path) -> None:
    place, root = tmp_path / "answer.json", f"corpus.root={tmp_path}"
    assert answer(place, "ready", "quickstart", "--set", root)["missing"] == []
    gone = '--set=links.sources=[{kind = "urls", path = "gone-*.txt"}]'
    assert answer(place, "ready", "quickstart", "--set", root, gone, code=3)["missing"] == [
        "gone-*.txt"
    ]
    plan = answer(place, "plan", "train", "gpt2-124m")
    assert plan["parameters"] == 124_439_808
    text = tmp_path / "texts.txt"
    text.write_text("One paragraph of words.\n\nAnother one with other words.")
    model = tmp_path / "model"
    assert answer(place, "train-perplexity", str(model), str(text))["model"] == str(model)


def test_an_older_answer_goes_and_a_place_that_cannot_be_written_is_told_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "answer.json"
    place.write_text("{}")
    with pytest.raises(SystemExit) as ended:
        main(["--result", str(place), "status", str(tmp_path / "nowhere")])
    assert (ended.value.code, place.exists()) == (1, False)
    for wrong in (str(tmp_path), f"{POSTS}/answer.json"):
        with pytest.raises(SystemExit) as ended:
            main(["--result", wrong, "build", "quickstart"])
        assert ended.value.code in (1, 2)
        assert wrong.removesuffix("/answer.json") in capsys.readouterr().err


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
        "warnings": [],
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
