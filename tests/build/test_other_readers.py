"""A built corpus in other people's hands: readers of Parquet folders, and corpora of before 0.2."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.dataset as ds
import pytest
from support import Run, sample_settings

from pipeline.store.corpus import Corpus
from pipeline.store.manifest import MANIFEST, OLD_MANIFEST, Manifest
from pipeline.store.schemas import SCHEMAS
from pipeline.views.show import select
from pipeline.views.verify import verify_corpus

INTERVAL = "2024-01"


@pytest.mark.parametrize("stage", ["links", "documents", "dedup", "quality", "corpus"])
def test_a_stage_is_a_table_to_pandas_pyarrow_and_duckdb(sample_root: Path, stage: str) -> None:
    """The folder is read as it is: neither the manifest nor the tables beside it get in between."""
    folder = sample_root / stage / INTERVAL
    manifest = Corpus(str(sample_root)).require(stage, INTERVAL)
    rows = sum(entry.rows for entry in manifest.tables("part-"))
    names = SCHEMAS[stage].names if stage in SCHEMAS else ds.dataset(folder).schema.names
    frame = pd.read_parquet(folder)
    assert (len(frame), list(frame.columns)) == (rows, names)
    assert not frame["id"].isna().any()
    assert ds.dataset(folder).to_table().num_rows == rows
    pattern = f"{sample_root}/{stage}/*/part-*.parquet"
    assert duckdb.sql(f"SELECT count(*) FROM '{pattern}'").fetchall() == [(rows,)]


def old(root: Path) -> None:
    """Gives all files of a corpus the names they had before 0.2."""
    for path in root.rglob(MANIFEST):
        manifest = Manifest.model_validate_json(path.read_bytes())
        for entry in manifest.files:
            before = path.with_name(entry.name.removeprefix("_"))
            path.with_name(entry.name).rename(before)
            entry.name = before.name
        path.with_name(OLD_MANIFEST).write_bytes(manifest.to_json())
        path.unlink()


def test_a_corpus_of_before_is_read_verified_and_extended(
    sample_root: Path, tmp_path: Path, webtext: Run, replay: str
) -> None:
    root = tmp_path / "corpus"
    shutil.copytree(sample_root, root)
    old(root)
    corpus, now = Corpus(str(root)), Corpus(str(sample_root))
    assert verify_corpus(corpus) == verify_corpus(now)
    decisions = select(corpus, "decisions", where="NOT kept", limit=5)
    assert decisions == select(now, "decisions", where="NOT kept", limit=5)
    command = ["build", "quickstart", *sample_settings(root, replay), "--workers=1"]
    assert "Nothing to do" in webtext(*command).stdout
    # A changed threshold runs quality and what is behind it; they get today's names, others stay.
    done = webtext(*command, "--set=quality.gopher.min_words=60", "--until=corpus")
    assert done.returncode == 0, done.stdout
    assert "documents: up to date" in done.stdout and "corpus: done" in done.stdout
    assert (root / "documents" / INTERVAL / OLD_MANIFEST).exists()
    names = {path.name for path in (root / "corpus" / INTERVAL).iterdir()}
    assert names == {entry["name"] for entry in _listed(root)} | {MANIFEST}
    assert any(name.startswith("_decisions-") for name in names)
    page = decisions[0]["id"]
    (tmp_path / "list.txt").write_text(page)
    assert webtext(*command, "--set=quality.gopher.min_words=60").returncode == 0
    assert webtext("forget", str(root), str(tmp_path / "list.txt")).returncode == 0
    assert not select(corpus, "decisions", where=f"id = '{page}'", limit=1)
    assert verify_corpus(corpus).stages == 7


def _listed(root: Path) -> list[dict[str, str]]:
    read = json.loads((root / "corpus" / INTERVAL / MANIFEST).read_text())
    files: list[dict[str, str]] = read["files"]
    return files
