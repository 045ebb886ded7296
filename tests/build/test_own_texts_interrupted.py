"""Own texts whose build is killed, meets a damaged file, or is shared by two workers."""

from __future__ import annotations

import gzip
import json
import signal
from pathlib import Path

import pytest
from forks import run_python
from quality_corpus import PROSE
from support import PROJECT, Run

from webtext import build
from webtext import open as open_corpus

STAGES = ("links", "pages", "documents")
#: Each run is killed when the first file of such a name is about to get its place: an archive, what
#: says that the second table is done, the documents.
MOMENTS = ("texts-00000-000", "index-00001-00000", "part-00000-of")
CHILD = """
import os, signal, sys
import webtext
recipe, moment = sys.argv[1:]
replace = os.replace
def replace_or_die(old, new):
    if os.path.basename(new).startswith(moment) and "/links/" not in new:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(old, new)
os.replace = replace_or_die
webtext.build(recipe, until="documents")
"""


def _rows(number: int) -> str:
    texts = (f"{PROSE} This is text {n} of file {number}." for n in range(20))
    return "".join(f"{json.dumps({'text': text})}\n" for text in texts)


def _write(folder: Path, root: str, more: str = "") -> Path:
    """Three packed tables and a recipe that builds ROOT from them; the path of the recipe."""
    (folder / "texts").mkdir(exist_ok=True)
    for number in range(3):
        packed = gzip.compress(_rows(number).encode(), mtime=0)
        (folder / "texts" / f"{number}.jsonl.gz").write_bytes(packed)
    recipe = folder / f"{root}.toml"
    recipe.write_text(
        f"""
        [corpus]
        root = "{folder}/{root}"
        [pages]
        source = "texts"
        [pages.texts]
        path = "{folder}/texts/*.jsonl.gz"
        [runner]
        workers = 1
        {more}
        """
    )
    return recipe


def _fingerprints(root: Path) -> dict[str, tuple[str, int]]:
    """What each stage says, and how many texts it kept."""
    built = [stage for stage in open_corpus(root).status() if stage["stage"] in STAGES]
    return {stage["stage"]: (stage["fingerprint"], stage["kept"]) for stage in built}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, int]]:
    folder = tmp_path_factory.mktemp("undisturbed")
    build(_write(folder, "corpus"), until="documents", say=lambda line: None)
    found = _fingerprints(folder / "corpus")
    assert list(found) == list(STAGES)
    assert {kept for _, kept in found.values()} == {60}
    return found


def test_a_killed_build_goes_on(tmp_path: Path, undisturbed: dict[str, tuple[str, int]]) -> None:
    recipe = _write(tmp_path, "corpus")
    for moment in MOMENTS:
        child = run_python("-c", CHILD, str(recipe), moment, folder=PROJECT)
        assert child.returncode == -signal.SIGKILL, (moment, child.stdout)
    build(recipe, until="documents", say=lambda line: None)
    assert _fingerprints(tmp_path / "corpus") == undisturbed


def test_a_cut_file_is_named_and_the_rest_is_kept(
    tmp_path: Path, undisturbed: dict[str, tuple[str, int]], webtext: Run
) -> None:
    recipe = _write(tmp_path, "corpus")
    whole = (tmp_path / "texts" / "1.jsonl.gz").read_bytes()
    (tmp_path / "texts" / "1.jsonl.gz").write_bytes(whole[:-20])
    failed = webtext("build", str(recipe), "--until", "documents")
    assert failed.returncode != 0
    last = failed.stdout.strip().splitlines()[-1]
    assert last.startswith("webtext: ") and "texts/1.jsonl.gz" in last and "cut" in last
    assert "Traceback" not in failed.stdout
    (tmp_path / "texts" / "1.jsonl.gz").write_bytes(whole)
    build(recipe, until="documents", say=lambda line: None)
    assert _fingerprints(tmp_path / "corpus") == undisturbed


@pytest.mark.system
def test_two_workers_build_what_one_builds(
    tmp_path: Path, undisturbed: dict[str, tuple[str, int]]
) -> None:
    recipe = _write(tmp_path, "corpus")
    two = ["runner.name=dask", "runner.workers=2"]
    build(recipe, two, until="documents", say=lambda line: None)
    assert _fingerprints(tmp_path / "corpus") == undisturbed
