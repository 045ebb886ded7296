"""Stages of a corpus that a benchmark makes up, as if they had been built."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.engine.stage_steps import complete
from pipeline.store.corpus import Corpus
from pipeline.store.manifest import MANIFEST, Counts, Manifest
from pipeline.store.parts import Part, PartWriter, part_name
from pipeline.store.schemas import SCHEMAS

Row = dict[str, Any]


def write_stage(
    corpus: Corpus, stage: str, interval: str, of: int, **tables: Iterable[list[Row]]
) -> None:
    """Writes `of` parts of each table and the manifest.

    `part` is the stage's own table.  Rows may leave columns out and have others.
    """
    folder = corpus.folder(stage, interval)
    written: list[Part] = []
    for table, parts in tables.items():
        schema = SCHEMAS[stage if table == "part" else table]
        for number, rows in enumerate(parts):
            ours = sorted(rows, key=lambda row: str(row["id"]))
            name = part_name(number, of, table if table == "part" else f"_{table}")
            with PartWriter(folder, name, schema, f"{number}") as writer:
                writer.add({name: row.get(name) for name in schema.names} for row in ours)
                writer.counts = Counts(seen=len(ours), kept=len(ours))
            written += [writer.finish()]
    draft = Manifest(
        stage=stage, interval=interval, settings={}, settings_hash="", inputs={},
        code_version="benchmark", runner="", counts=Counts(), files=[], fingerprint="",
    )  # fmt: skip
    Path(folder, MANIFEST).write_bytes(complete(draft, written, 0.0).to_json())
