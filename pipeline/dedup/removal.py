"""How pages leave the dedup stage: removals, signatures and the keep order of later intervals.

A place is a row among all signatures (`batch.py`), so those of other pages move up.

Passages that a forgotten page kept for others stay out of those; where they belong then is known
when the interval is deduplicated again.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.store.forgotten import FORGOTTEN
from pipeline.store.manifest import Counts
from pipeline.store.parquet import read_table
from pipeline.store.stage_edit import Removal, StageEdit


def remove_pages(edit: StageEdit) -> Removal:
    """Rows of the removed, of passages, signatures, and the keep order of those that passed."""
    kinds = edit.drop_rows("part-", ["id", "kind"])["kind"].to_pylist()
    places = _places(edit)
    signed = len(edit.drop_rows("signatures-", ["id"]))
    passed = sum(edit.gone_rows(path) for path in edit.paths("register-"))

    def renumbered(rows: pa.Table) -> pa.Table:
        """A place is the row among all signatures, of which those before it went."""
        stay = rows.filter(pc.invert(pc.is_in(rows["id"], edit.ids)))
        old = stay["place"].to_numpy()
        new = pa.array(old - np.searchsorted(places, old), pa.int64())
        return stay.set_column(stay.schema.get_field_index("place"), "place", new)

    for path in edit.paths("register-") if signed else ():
        edit.change(path, renumbered)
    edit.drop_rows("clusters-", ["kept_id"], by="kept_id")
    edit.drop_rows("minimizers-", ["id"])
    extra = _remove_passages(edit)
    lost = Counts(seen=passed, kept=passed - len(kinds), dropped=dict(Counter(kinds)))
    return Removal(lost, passed, extra)


def _remove_passages(edit: StageEdit) -> dict[str, int]:
    """Takes the rows of gone pages out of the tables of passages; what that takes off `extra`."""
    pages = characters = 0
    for path in edit.paths("passages-"):
        if edit.touches(path) or edit.touches(path, "kept_id"):
            rows = read_table(path, ["id", "start", "stop"])
            rows = rows.filter(pc.is_in(rows["id"], edit.ids))
            pages += pc.count_distinct(rows["id"]).as_py()
            characters += pc.sum(pc.subtract(rows["stop"], rows["start"]), min_count=0).as_py()
            edit.change(path, lambda rows: _kept_nowhere(rows, edit.ids))
    return {"passage_pages": pages, "passage_characters": characters} if pages else {}


def _kept_nowhere(rows: pa.Table, ids: pa.Array) -> pa.Table:
    """Passages of pages that stay; of those that a gone page kept, its name goes."""
    rows = rows.filter(pc.invert(pc.is_in(rows["id"], ids)))
    gone = pc.is_in(rows["kept_id"], ids)
    for name, value in (("kept_id", None), ("elsewhere", FORGOTTEN)):
        field = rows.schema.field(name)
        values = pc.if_else(gone, pa.scalar(value, field.type), rows[name])
        rows = rows.set_column(rows.schema.get_field_index(name), field, values)
    return rows


def _places(edit: StageEdit) -> np.ndarray:
    """The rows of gone documents among all signature files, in order."""
    found, first = [], 0
    for path in edit.paths("signatures-"):
        ids = read_table(path, ["id"])["id"]
        gone = pc.is_in(ids, edit.ids).to_numpy()
        found.append(np.flatnonzero(gone) + first)
        first += len(ids)
    return np.concatenate([np.empty(0, np.int64), *found])
