"""How pages leave the dedup stage: removals, signatures and the keep order of later intervals.

A place is a row among all signatures (`batch.py`), so those of other pages move up.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.store.manifest import Counts
from pipeline.store.parquet import read_table
from pipeline.store.stage_edit import Removal, StageEdit


def remove_pages(edit: StageEdit) -> Removal:
    """Removals stay for pages that stay: duplicates of a page that leaves do not come back."""
    kinds = edit.drop_rows("part-", ["id", "kind"])["kind"].to_pylist()
    places = _places(edit)
    signed = len(edit.drop_rows("signatures-", ["id"]))

    def renumbered(rows: pa.Table) -> pa.Table:
        """A place is the row among all signatures, of which those before it went."""
        stay = rows.filter(pc.invert(pc.is_in(rows["id"], edit.ids)))
        old = stay["place"].to_numpy()
        new = pa.array(old - np.searchsorted(places, old), pa.int64())
        return stay.set_column(stay.schema.get_field_index("place"), "place", new)

    for path in edit.paths("register-") if signed else ():
        edit.change(path, renumbered)
    for path in edit.paths("hostlines-"):
        if edit.touches(path):
            edit.change(path, lambda rows: _unnamed(rows, edit.ids))
    edit.drop_rows("clusters-", ["kept_id"], by="kept_id")
    removed = Counter(kinds)
    lost = Counts(seen=signed, kept=signed - len(kinds), dropped=dict(removed))
    return Removal(lost, signed)


def _unnamed(rows: pa.Table, ids: pa.Array) -> pa.Table:
    """Repeated lines of a host without the page that was their example: they still repeat."""
    named = pc.if_else(pc.is_in(rows["id"], ids), "", rows["id"])
    return rows.set_column(rows.schema.get_field_index("id"), "id", named)


def _places(edit: StageEdit) -> np.ndarray:
    """The rows of gone documents among all signature files, in order."""
    found, first = [], 0
    for path in edit.paths("signatures-"):
        ids = read_table(path, ["id"])["id"]
        gone = pc.is_in(ids, edit.ids).to_numpy()
        found.append(np.flatnonzero(gone) + first)
        first += len(ids)
    return np.concatenate([np.empty(0, np.int64), *found])
