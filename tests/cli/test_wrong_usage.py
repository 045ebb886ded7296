"""A table of wrong usages: each is answered by one line, with the exit code that fits."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from cli.wrong_usages import BUILDS, CALLS, CORPORA, RUNS
from trainer_runs import SMALL

from pipeline.cli import main
from pipeline.store.manifest import MANIFEST

RECIPE = """[corpus]
root = "c"
[links]
sources = [{kind = "urls", path = "urls.txt"}]
min_karma = 0
[pages]
source = "warc"
warc = ["*.warc.gz"]
[runner]
workers = 1
"""
#: What must not be in an answer: our own names for things, and a request to report a mistake.
RIDDLES = re.compile(r"Traceback|report this|valid tuple|\bNone\b|Errno|<class|pydantic|\.\.$|  ")


def cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def changed(old: str, new: str) -> str:
    assert old in RECIPE
    return RECIPE.replace(old, new)


def write_recipes(folder: Path) -> None:
    texts = {
        "good.toml": RECIPE,
        "broken.toml": "[corpus\nroot =",
        "twice.toml": changed("min_karma = 0", "min_karma = 0\nmin_karma = 1"),
        "empty.toml": "",
        "section.toml": changed("[links]", "[link]"),
        "kind.toml": changed('"urls"', '"url"'),
        "type.toml": changed("min_karma = 0", 'min_karma = "five"'),
        "noroot.toml": changed('root = "c"', 'root = ""'),
        "rootfile.toml": changed('root = "c"', 'root = "file.txt"'),
        "rootbelow.toml": changed('root = "c"', 'root = "file.txt/c"'),
        "nosource.toml": changed("urls.txt", "nothere-*.txt"),
        "sourcefolder.toml": changed("urls.txt", "empty"),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "utf16.toml").write_bytes(RECIPE.encode("utf-16"))
    (folder / "folder.toml").mkdir()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recipes and files that are not what they should be."""
    folder = tmp_path_factory.mktemp("world")
    write_recipes(folder)
    (folder / "empty").mkdir()
    texts = {
        "file.txt": "hello\n",
        "foreign.json": '{"a": 1}\n',
        "urls.txt": "https://example.org/a\n",
        "badlist.txt": "example.org\nnot an address\n",
        "emptylist.txt": "",
        "ex.tsv": "sentence\tlabel\nhello\tx\n",
        f"badmanifest/links/2024-01/{MANIFEST}": "{",
        f"foreignmanifest/links/2024-01/{MANIFEST}": '{"name": "x"}',
        "half/links/2024-01/part-0.parquet": "x",
        "badrun/run.json": '{"a": 1}',
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "cut.txt.gz").write_bytes(gzip.compress(b"some text " * 1000)[:-20])
    return folder


@pytest.fixture(scope="module")
def corpora(world: Path, sample_root: Path) -> Path:
    """With C, the sample's corpus, and D, the same with parts that are cut."""
    shutil.copytree(sample_root, world / "C")
    shutil.copytree(sample_root, world / "D")
    for stage in ("links", "documents", "corpus"):
        for part in (world / "D" / stage / "2024-01").glob("part-*"):
            cut(part)
    return world


@pytest.fixture(scope="module")
def runs(corpora: Path) -> Path:
    """With R, a run of one step on C; others have no checkpoint or log."""
    from trainer.loop.train import train

    settings = SMALL | {"train.steps": 1, "schedule.warmup": 0}
    chosen = [f"{name}={value}" for name, value in settings.items()]
    train("gpt2-tiny", str(corpora / "C/tokens/gpt2"), chosen, str(corpora / "R"), "new")
    for name in ("unsaved", "unlogged"):
        shutil.copytree(corpora / "R", corpora / name)
    shutil.rmtree(corpora / "unsaved" / "checkpoints")
    (corpora / "unlogged" / "log.jsonl").write_text("")
    return corpora


def check(
    folder: Path,
    row: tuple[str, int, tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Runs the command in this process: one line on standard error, with the words."""
    line, code, words = row
    monkeypatch.chdir(folder)
    before = {path.name for path in folder.iterdir()}
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(line))
    printed = capsys.readouterr()
    assert ended.value.code == code, printed
    (answer,) = [one for one in printed.err.splitlines() if not one.startswith("Checkpoint ")]
    assert answer.startswith("webtext: ")
    assert all(word in answer for word in words), answer
    assert not RIDDLES.search(answer), answer
    if not line.startswith(("build ", "crawl ", "train ")):  # a mistake makes no folder
        assert {path.name for path in folder.iterdir()} == before


@pytest.mark.parametrize("row", CALLS, ids=lambda row: row[0])
def test_calls_and_recipes(row, world, monkeypatch, capsys) -> None:
    check(world, row, monkeypatch, capsys)


@pytest.mark.parametrize("row", BUILDS, ids=lambda row: row[0])
def test_builds(row, world, monkeypatch, capsys) -> None:
    check(world, row, monkeypatch, capsys)


@pytest.mark.parametrize("row", CORPORA, ids=lambda row: row[0])
def test_corpora(row, corpora, monkeypatch, capsys) -> None:
    check(corpora, row, monkeypatch, capsys)


@pytest.mark.parametrize("row", RUNS, ids=lambda row: row[0])
def test_runs(row, runs, monkeypatch, capsys) -> None:
    check(runs, row, monkeypatch, capsys)


def test_there_are_at_least_150() -> None:
    rows = [*CALLS, *BUILDS, *CORPORA, *RUNS]
    assert len({line for line, _, _ in rows}) == len(rows) >= 150


def test_a_byte_order_mark_in_a_recipe_is_no_mistake(world, monkeypatch, capsys) -> None:
    monkeypatch.chdir(world)
    (world / "bom.toml").write_bytes(b"\xef\xbb\xbf" + RECIPE.encode())
    with pytest.raises(SystemExit) as ended:
        main(["--result", "ready.json", "ready", "bom.toml"])
    assert ended.value.code == 0
    assert json.loads((world / "ready.json").read_text())["missing"] == []
