"""A small corpus whose documents stage is done."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from quality_corpus import Build, write_documents


@pytest.fixture
def documents(tmp_path: Path) -> Build:
    """Writes links, documents and a duplicate table; gives the job."""
    return partial(write_documents, str(tmp_path / "corpus"))
