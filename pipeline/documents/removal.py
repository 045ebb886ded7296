"""How pages leave the documents stage: documents, and pages that gave none."""

from __future__ import annotations

from pipeline.store.manifest import Counts
from pipeline.store.stage_edit import Removal, StageEdit, counted


def remove_pages(edit: StageEdit) -> Removal:
    """Rows go from both tables."""
    rows = edit.drop_rows("part-", ["id"])
    drops = edit.drop_rows("drops-", ["id", "outcome"])
    lost = Counts(seen=len(rows), kept=len(rows)) + counted(drops["outcome"].to_pylist())
    return Removal(lost, len(rows) + len(drops))
