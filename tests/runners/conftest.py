"""One dask cluster of two worker processes for all runner tests of a test process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.runners.cluster import DaskBuild
from pipeline.runners.open import open_runner
from pipeline.runners.profiles import DaskSettings, RunnerSettings


@pytest.fixture(scope="session")
def dask_build() -> Iterator[DaskBuild]:
    """Our runner on two local workers, which can import the cases."""
    before = os.environ.get("PYTHONPATH", "")
    here = str(Path(__file__).parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [here, before]))
    settings = RunnerSettings(name="dask", workers=2, dask=DaskSettings(partitions=4))
    try:
        with open_runner(settings) as build:
            assert isinstance(build, DaskBuild)
            yield build
    finally:
        os.environ["PYTHONPATH"] = before
