"""How pages leave the pages stage: rows of fetch tables, and records of its own archives."""

from __future__ import annotations

import pyarrow.compute as pc

from pipeline.pages.erase import erase
from pipeline.pages.refetch import key_of
from pipeline.store import files
from pipeline.store.parquet import read_table
from pipeline.store.parts import file_part
from pipeline.store.stage_edit import Removal, StageEdit, counted


def remove_pages(edit: StageEdit) -> Removal:
    """Bodies that pages which stay have as well are kept; other people's archives are not ours.

    Tables get the key of the inputs of now, so that a later run takes them over.
    """
    rows = edit.drop_rows("fetches-", ["id", "outcome"], key=key_of(edit.manifest))
    shared = _shared_bodies(edit)
    for entry in edit.manifest.entries():
        if entry.name.endswith(".warc.gz"):
            path, target = (files.join(f, entry.name) for f in (edit.folder, edit.target))
            if erase(path, target, edit.gone, shared.get(entry.name, set())):
                edit.add([file_part(edit.target, entry.name, rows=entry.rows)])
    return Removal(counted(rows["outcome"].to_pylist()), len(rows))


def _shared_bodies(edit: StageEdit) -> dict[str, set[int]]:
    """Offsets, by archive, of the bodies of pages that stay."""
    shared: dict[str, set[int]] = {}
    for path in edit.paths("fetches-"):
        table = read_table(path, ["id", "warc_file", "warc_offset"])
        stay = table.filter(pc.invert(pc.is_in(table["id"], edit.ids)))
        bodies = zip(stay["warc_file"].to_pylist(), stay["warc_offset"].to_pylist(), strict=True)
        for name, offset in bodies:
            if name:
                shared.setdefault(name, set()).add(offset)
    return shared
