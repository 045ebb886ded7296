"""`webtext train-extractor`: from labelled pages to a model that a build uses, and its report."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
import thread_pages

from pipeline.cli import main
from pipeline.documents.blocks.model import read_model
from pipeline.documents.extract import extract, finish, prepare
from pipeline.documents.training.labels import from_phrases, from_text
from pipeline.documents.training.report import word_score
from pipeline.documents.training.train import TrainingEffort, fold_model, train
from pipeline.store.errors import SettingError, WebtextError

TODAY = date(2026, 1, 1)
LAYOUTS = sorted(thread_pages.LAYOUTS)


def thread(number: int) -> dict[str, object]:
    """A labelled page: its posts are its text."""
    layout, count = LAYOUTS[number % len(LAYOUTS)], 2 + number % 7
    return {
        "url": f"https://forum{number}.example/t/{number}",
        "html": thread_pages.LAYOUTS[layout](count),
        "main_content": "\n\n".join(p for post in thread_pages.posts(count) for p in post),
        "page_type": "list" if layout in ("pipermail", "mhonarc", "hypermail") else "forum",
    }


def written(path: Path, pages: list[dict[str, object]]) -> str:
    path.write_text("".join(json.dumps(page) + "\n" for page in pages))
    return str(path)


def run(result: Path, *arguments: str) -> dict[str, object]:
    with pytest.raises(SystemExit) as ended:
        main(["--result", str(result), "train-extractor", *arguments])
    assert ended.value.code == 0
    said: dict[str, object] = json.loads(result.read_text())
    return said


def test_a_model_is_trained_reported_and_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = [thread(number) for number in range(52)]
    phrases = {"with": ["I have a small wooden boat"], "without": ["Powered by"]}
    html = thread_pages.phpbb(3)
    files = [
        written(tmp_path / "threads.ndjson", pages),
        written(
            tmp_path / "phrases.ndjson", [{"url": "https://p.example/", "html": html, **phrases}]
        ),
    ]
    model = str(tmp_path / "model.json.gz")
    said = run(tmp_path / "result.json", model, *files, "--folds=2", "--trees=6", "--keep-folds")
    printed = capsys.readouterr().out
    assert "threads forum" in printed and "threads list" in printed and "phrases all" in printed
    kinds = {(score["source"], score["kind"]): score for score in said["scores"]}  # type: ignore
    assert kinds["threads", "all"]["pages"] == 52
    assert kinds["threads", "all"]["f1"] > 0.9
    again = str(tmp_path / "again.json.gz")
    train(files, again, TrainingEffort(folds=2, first_trees=6, second_trees=6), lambda line: None)
    assert Path(again).read_bytes() == Path(model).read_bytes()
    assert [path.name for path in sorted(tmp_path.glob("fold*"))] == [
        "fold0-model.json.gz", "fold1-model.json.gz",
    ]  # fmt: skip
    halves = [read_model(fold_model(model, fold)).to_json() for fold in (0, 1)]
    assert halves[0] != halves[1] != read_model(model).to_json()
    new = thread_pages.xenforo(11)
    found = finish(prepare(new, "https://new.example/t/1", model), TODAY).text
    wanted = "\n\n".join(p for post in thread_pages.posts(11) for p in post)
    assert word_score(found, wanted)[0] > 0.9
    assert read_model(model).to_json() != read_model().to_json()
    assert extract(new, "https://new.example/t/1", TODAY).extractor == "blocks"


def test_few_pages_and_broken_lines_are_named(tmp_path: Path) -> None:
    few = written(tmp_path / "few.ndjson", [thread(1)])
    with pytest.raises(SettingError, match="1 labelled pages are too few"):
        train([few], str(tmp_path / "model"), TrainingEffort(), lambda line: None)
    broken = written(tmp_path / "broken.ndjson", [{"url": "https://a.example/"}])
    with pytest.raises(WebtextError, match=r"broken\.ndjson, line 1"):
        train([broken], str(tmp_path / "model"), TrainingEffort(), lambda line: None)
    assert not (tmp_path / "model").exists()


def test_labels_from_a_text() -> None:
    texts = [
        "Home",
        "The ferry left the pier at noon.",
        "Ferry times",
        "The ferry left the pier at noon.",
    ]
    truth = "Ferry times\nThe ferry left the pier at noon."
    assert from_text(texts, truth, [False] * 4).tolist() == [0.0, 1.0, 1.0, 0.0]
    assert from_text(texts, truth, [False, True, False, False]).tolist() == [0.0, 0.0, 1.0, 1.0]


def test_labels_from_phrases() -> None:
    labels = from_phrases(["The ferry left", "Log in", "Other"], ["ferry left"], ["Log in"])
    assert labels.tolist()[:2] == [1.0, 0.0]
    assert labels[2] != labels[2]  # not known


@pytest.mark.parametrize(
    ("found", "truth", "score"),
    [("a b c", "a b c", 1.0), ("", "", 1.0), ("", "a", 0.0), ("a b", "a c", 0.5), ("x", "a", 0.0)],
)
def test_scores_of_words(found: str, truth: str, score: float) -> None:
    assert word_score(found, truth)[0] == score
