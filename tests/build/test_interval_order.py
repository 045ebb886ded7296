"""Intervals are added in order; one that others were built upon can be made anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.build.build import refuse_earlier_interval
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError
from pipeline.store.manifest import Counts, Manifest, write_manifest


def test_only_a_new_interval_must_come_last(tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path))
    inputs = {"documents": "0" * 64, "dedup/2024-01": "0" * 64}
    later = Manifest(
        stage="dedup",
        interval="2024-02",
        settings={},
        settings_hash="",
        inputs=inputs,
        code_version="1",
        runner="",
        counts=Counts(),
        files=[],
        fingerprint="0" * 64,
    )
    (tmp_path / "dedup" / "2024-02").mkdir(parents=True)
    write_manifest(corpus.folder("dedup", "2024-02"), later)
    refuse_earlier_interval(corpus, "2024-01")  # its manifest was removed: verify's remedy
    refuse_earlier_interval(corpus, "2024-03")
    with pytest.raises(SettingError, match="2023-12 comes before 2024-02"):
        refuse_earlier_interval(corpus, "2023-12")
