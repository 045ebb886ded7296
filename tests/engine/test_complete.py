"""A finished stage's manifest names what it was made with."""

from __future__ import annotations

import pyarrow as pa

from pipeline.engine.stage_steps import complete
from pipeline.store.manifest import Counts, Manifest


def test_a_manifest_names_the_packages_that_decide_bytes() -> None:
    draft = Manifest(
        stage="links",
        interval="all",
        settings={},
        settings_hash="",
        inputs={},
        code_version="1",
        runner="test",
        counts=Counts(),
        files=[],
        fingerprint="",
    )
    packages = complete(draft, [], 1.0).packages
    assert packages["pyarrow"] == pa.__version__
    assert {"trafilatura", "lxml", "tokenizers", "duckdb", "resiliparse"} <= packages.keys()
    assert "+" in packages["webtext"]  # with a hash of the package's own files
