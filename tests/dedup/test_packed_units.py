"""Units on their way through Beam: small, however many parts a run has, and whole at their end."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.dedup.batch import Batch, Decided, EvaluationFile, Source
from pipeline.dedup.decide import SetsUnit, write_slices
from pipeline.dedup.packed import packed
from pipeline.dedup.settings import DedupSettings
from pipeline.engine.steps import Step
from pipeline.store.parts import Part


def batch_of(folder: Path, parts: int) -> Batch:
    """A batch with a month before it, of so many parts each, that names all that one can."""
    names = tuple(f"s3://corpora/webtext/documents/2024-01/part-{i:05d}" for i in range(parts))
    settings = DedupSettings(fold=("case",), passages={"enabled": True}, against=("set.txt",))
    return Batch(
        str(folder),
        "5",
        "key",
        settings,
        (Decided("2023-12", names, names, names[:1], names, names, "set.txt", names, names),),
        (Source("2024-01", names, names, names, "fingerprint"),),
        (EvaluationFile("set.txt", 0, "digest"),),
    )


@pytest.mark.parametrize("parts", [1, 1000])
def test_units_are_small_and_arrive_whole(tmp_path: Path, parts: int) -> None:
    batch, arrived = batch_of(tmp_path, parts), []

    def make(unit: SetsUnit) -> list[Part]:
        arrived.append(unit)
        return []

    units = [SetsUnit(batch, part, parts) for part in range(parts)]
    step = packed(Step("Slices", lambda before: units, make), batch)
    for unit in step.plan(()):
        assert len(unit.data) < 200
        assert list(step.make(unit)) == []
    assert arrived == units
    assert all(unit.batch is arrived[0].batch for unit in arrived)  # read once


def test_a_step_is_still_named_by_who_makes_it(tmp_path: Path) -> None:
    step = packed(Step("Slices", lambda before: [], write_slices), batch_of(tmp_path, 1))
    assert getattr(step.make, "__name__", "") == "write_slices"
