"""The real command, from a folder and an environment full of modules with names like ours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from pipeline.sample import PAGES
from pipeline.store.archives import responses
from pipeline.store.corpus import Corpus

WEBTEXT = Path(sys.executable).with_name("webtext")
#: Ours, of the standard library, and of libraries that workers and extraction load first.
MODULES = ("pipeline", "trainer", "webtext", "json", "random", "typing", "htmldate", "distributed")


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [WEBTEXT, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        text=True,
        capture_output=True,
        check=False,
    )


def test_modules_in_the_current_folder_are_not_taken_for_ours(tmp_path: Path) -> None:
    for name in MODULES:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a module of the current folder')")
    urls = [page.url for page in islice(responses(str(PAGES)), 3)]
    (tmp_path / "urls.txt").write_text("\n".join(urls))
    (tmp_path / "recipe.toml").write_text(
        '[corpus]\nroot = "corpus"\n[links]\nsources = [{kind = "urls", path = "urls.txt"}]\n'
        f'min_karma = 0\n[pages]\nsource = "warc"\nwarc = ["{PAGES}"]\n'
    )
    done = run(
        tmp_path,
        "build",
        "recipe.toml",
        "--until",
        "documents",
        "--workers",
        "2",
        "--runner",
        "dask",
    )
    assert done.returncode == 0, done.stderr
    assert not re.search("distributed|tornado|Traceback", done.stderr)
    assert Corpus(str(tmp_path / "corpus")).require("documents", "all").counts.kept == 3


@pytest.mark.parametrize("name", ["pipeline", "trainer"])
@pytest.mark.parametrize("made", ["{name}.py", "{name}/__init__.py"])
def test_another_package_of_our_name_is_told_in_one_line(
    name: str, made: str, tmp_path: Path
) -> None:
    path = tmp_path / made.format(name=name)
    path.parent.mkdir(exist_ok=True)
    path.write_text("raise SystemExit('imported')")
    done = run(tmp_path, "status", "corpus", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stdout == ""
    said = rf"webtext: {re.escape(str(path))} stands before webtext's own {name}\. .*PYTHONPATH\n"
    assert re.fullmatch(said, done.stderr)


def test_a_distribution_of_our_name_is_named(tmp_path: Path) -> None:
    (tmp_path / "trainer").mkdir()
    (tmp_path / "trainer" / "__init__.py").write_text("")
    about = tmp_path / "coach-2.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: coach\nVersion: 2.0\n")
    (about / "top_level.txt").write_text("trainer\n")
    done = run(tmp_path, "--version", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.endswith("stands before webtext's own trainer. pip uninstall coach\n")
