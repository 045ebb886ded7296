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
    """Rows of the removed, of signatures, and of the keep order of those that passed."""
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
    lost = Counts(seen=passed, kept=passed - len(kinds), dropped=dict(Counter(kinds)))
    return Removal(lost, passed)


def _places(edit: StageEdit) -> np.ndarray:
    """The rows of gone documents among all signature files, in order."""
    found, first = [], 0
    for path in edit.paths("signatures-"):
        ids = read_table(path, ["id"])["id"]
        gone = pc.is_in(ids, edit.ids).to_numpy()
        found.append(np.flatnonzero(gone) + first)
        first += len(ids)
    return np.concatenate([np.empty(0, np.int64), *found])
