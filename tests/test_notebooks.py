"""The notebooks of the docs, run as they are in Jupyter's own kernel."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from support import PROJECT

BOOKS = ("first_corpus", "thresholds", "training")


def test_all_notebooks_are_run_here() -> None:
    there = {path.stem for path in (PROJECT / "docs" / "notebooks").glob("*.ipynb")}
    assert there == set(BOOKS)


@pytest.mark.system
def test_notebooks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one folder, so that the second and third go on from the corpus of the first."""
    path = [str(Path(sys.executable).parent), os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    written = {}
    for name in BOOKS:
        shutil.copy(PROJECT / "docs" / "notebooks" / f"{name}.ipynb", tmp_path)
        book = nbformat.read(tmp_path / f"{name}.ipynb", as_version=4)  # type: ignore[no-untyped-call]
        where = {"metadata": {"path": str(tmp_path)}}
        NotebookClient(book, timeout=600, kernel_name="python3", resources=where).execute()
        cells = [cell for cell in book.cells if cell.cell_type == "code"]
        assert all(cell.outputs for cell in cells), name
        written[name] = str([cell.outputs for cell in cells])
    assert "gopher_min_words" in written["first_corpus"]
    assert "up to date" in written["thresholds"]
    assert "The database" in written["training"]
