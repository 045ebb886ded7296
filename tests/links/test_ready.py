"""One recipe for all months, and whether the sources of a month are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import Run

from pipeline.build.recipe import read_recipe

RECIPE = """
[corpus]
root = "corpus"
interval = "2024-01"
[links]
sources = [
  { kind = "reddit-dump", posts = "FOLDER/RS_{interval}.zst", comments = "FOLDER/RC_{interval}*" },
  { kind = "urls", path = "FOLDER/urls.txt" },
  { kind = "reddit-api", subreddits = ["linux"] },
]
[pages]
source = "warc"
warc = ["FOLDER/{interval}/*.warc.gz"]
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    place = tmp_path / "recipe.toml"
    place.write_text(RECIPE.replace("FOLDER", str(tmp_path)))
    return place


def test_the_interval_stands_in_paths(recipe: Path, tmp_path: Path) -> None:
    read = read_recipe(str(recipe), ['corpus.interval="2024-02"'])
    assert read.links.sources[0].posts == f"{tmp_path}/RS_2024-02.zst"
    assert read.pages.warc == (f"{tmp_path}/2024-02/*.warc.gz",)
    assert read_recipe(str(recipe)).pages.warc == (f"{tmp_path}/2024-01/*.warc.gz",)


def test_ready_says_what_is_missing(recipe: Path, tmp_path: Path, webtext: Run) -> None:
    said = tmp_path / "said.json"

    def ask(interval: str) -> tuple[int, list[str]]:
        done = webtext("--result", str(said), "ready", str(recipe), "--interval", interval)
        return done.returncode, json.loads(said.read_text())["missing"]

    (tmp_path / "urls.txt").touch()
    (tmp_path / "RS_2024-02.zst").touch()
    assert ask("2024-02") == (3, [f"{tmp_path}/RC_2024-02*"])
    (tmp_path / "RC_2024-02.zst").touch()
    assert ask("2024-02") == (0, [])
    assert ask("2024-03")[0] == 3
    assert webtext("ready", str(recipe), "--set=links.min_krama=3").returncode == 2
