"""How pages leave the links stage: their rows go, and are counted as forgotten."""

from __future__ import annotations

from pipeline.links.merge import FORGOTTEN
from pipeline.store.manifest import Counts
from pipeline.store.stage_edit import Removal, StageEdit


def remove_pages(edit: StageEdit) -> Removal:
    """They came in, and are dropped for a reason now."""
    count = len(edit.drop_rows("part-", ["id"]))
    dropped = {FORGOTTEN: -count} if count else {}
    return Removal(Counts(seen=0, kept=count, dropped=dropped), count)
