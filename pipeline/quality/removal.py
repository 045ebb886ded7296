"""How pages leave the quality and corpus stages: measurements, verdicts, texts and decisions."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.store.stage_edit import Removal, StageEdit, counted


def remove_measured(edit: StageEdit) -> Removal:
    """Their measurements, cuts and verdicts go; what repeats across a host still does."""
    for prefix in ("part-", "cuts-", "scores_"):
        edit.drop_rows(prefix, ["id"])
    for path in edit.paths("hostlines-"):
        if edit.touches(path):
            edit.change(path, lambda rows: _unnamed(rows, edit.ids))
    verdicts = edit.drop_rows("verdicts-", ["id", "reason"])
    return Removal(counted(verdicts["reason"].to_pylist(), kept=""), len(verdicts))


def _unnamed(rows: pa.Table, ids: pa.Array) -> pa.Table:
    """Repeated lines of a host without the page that was their example."""
    named = pc.if_else(pc.is_in(rows["id"], ids), "", rows["id"])
    return rows.set_column(rows.schema.get_field_index("id"), "id", named)


def remove_decided(edit: StageEdit) -> Removal:
    """Their texts go, and the decisions on them."""
    rows = edit.drop_rows("part-", ["id"])
    measured = edit.drop_rows("measurements-", ["id"])
    decisions = edit.drop_rows("decisions-", ["id", "reason"])
    extra = {"passages_cut_pages": len(measured)} if len(measured) else {}
    return Removal(counted(decisions["reason"].to_pylist(), kept=""), len(rows), extra)
