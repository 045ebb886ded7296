"""A small corpus whose documents stage is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from quality_corpus import Build, document, link, recipe, write_table

from pipeline.engine.stage import Job
from pipeline.store.addresses import page_id
from pipeline.store.corpus import Corpus
from pipeline.store.schemas import SCHEMAS


@pytest.fixture
def documents(tmp_path: Path) -> Build:
    """Writes links, documents (2 parts) and a duplicate table; gives the job."""

    def build(
        pages: list[dict[str, Any]],
        duplicates: Mapping[str, str] | None = None,
        quality: dict[str, Any] | None = None,
    ) -> Job:
        corpus = Corpus(str(tmp_path / "corpus"))
        rows = sorted((document(p) | p for p in pages), key=lambda row: row["id"])
        write_table(corpus, "links", [[link(row) for row in rows]])
        columns = SCHEMAS["documents"].names
        half = [{n: r[n] for n in columns} for r in rows]
        write_table(corpus, "documents", [half[: len(half) // 2], half[len(half) // 2 :]])
        found = [
            {"id": page_id(a), "kept_id": page_id(b), "similarity": 0.9, "kind": "near"}
            for a, b in (duplicates or {}).items()
        ]
        write_table(corpus, "dedup", [found], seen=len(rows))
        return recipe(corpus.root, quality).job()

    return build
