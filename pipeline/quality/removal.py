"""How pages leave the quality and corpus stages: measurements, texts and decisions."""

from __future__ import annotations

from pipeline.store.manifest import Counts
from pipeline.store.stage_edit import Removal, StageEdit, counted


def remove_measured(edit: StageEdit) -> Removal:
    """Their measurements go."""
    count = len(edit.drop_rows("part-", ["id"]))
    return Removal(Counts(seen=count, kept=count), count)


def remove_decided(edit: StageEdit) -> Removal:
    """Their texts go, and the decisions on them."""
    rows = edit.drop_rows("part-", ["id"])
    decisions = edit.drop_rows("decisions-", ["id", "reason"])
    return Removal(counted(decisions["reason"].to_pylist(), kept=""), len(rows))
