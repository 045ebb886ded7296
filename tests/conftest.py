"""Fixtures that all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real input that lies beside the project where there is one."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the real input of ../shared/data, which is not here")
    return folder


@pytest.fixture(scope="session")
def prism() -> Path:
    """Beam's Prism runner: $WEBTEXT_PRISM or ../shared/prism/prism."""
    import os

    place = Path(os.environ.get("WEBTEXT_PRISM", PROJECT.parent / "shared" / "prism" / "prism"))
    if not place.is_file():
        pytest.skip("needs Beam's Prism runner: set WEBTEXT_PRISM to its path")
    return place
