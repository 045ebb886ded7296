"""Evaluation sets given as files: what they hold is removed from the corpus.

Before anything else, each file becomes what an interval decided before would have left:
documents, signatures and a keep order, in scratch.  All of its texts count as kept, since
no one chooses among the examples of a set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline.dedup.batch import REGISTER, Batch, EvaluationFile
from pipeline.dedup.exact import EXACT_BYTES
from pipeline.dedup.minhash import SHINGLE_WORDS
from pipeline.dedup.passages.minimizers import MinimizerUnit, write_minimizers
from pipeline.dedup.settings import DedupSettings
from pipeline.dedup.sign import SignUnit, sign
from pipeline.store import files
from pipeline.store.addresses import page_id
from pipeline.store.errors import SettingError
from pipeline.store.parquet import batches
from pipeline.store.parts import Part, PartWriter, finished_part, work_key
from pipeline.store.textfiles import read_set

#: `url` names file and text, as no page would.
_TEXTS = pa.schema([(name, pa.string()) for name in ("id", "url", "text", "date")])


@dataclass(frozen=True)
class EvaluationUnit:
    """One evaluation file to be read and signed."""

    file: EvaluationFile
    work: str
    key: str
    settings: DedupSettings


def evaluation_units(_before: Sequence[Part], batch: Batch) -> list[EvaluationUnit]:
    """One unit a file."""
    return [
        EvaluationUnit(file, batch.work, work_key(batch.version, batch.key, file), batch.settings)
        for file in batch.evaluation
    ]


def sign_evaluation(unit: EvaluationUnit) -> list[Part]:
    """Writes documents, signatures and keep order of one evaluation file.

    Raises SettingError when the file cannot be read or holds no text to compare.
    """
    file, work = unit.file, unit.work
    documents = finished_part(work, file.name("documents"), unit.key) or _write_texts(unit)
    signed = sign(
        SignUnit(
            documents=files.join(work, file.name("documents")),
            cuts="",
            folder=work,
            name=file.name("signatures"),
            key=unit.key,
            settings=unit.settings,
        )
    )
    register = finished_part(work, file.name("register"), unit.key) or _write_register(unit)
    return [documents, *signed, register, *_minimizers(unit)]


def _minimizers(unit: EvaluationUnit) -> list[Part]:
    """A page loses the passages of a set's texts; texts below the length have none."""
    passages = unit.settings.passages
    if not passages.enabled:
        return []
    return write_minimizers(
        MinimizerUnit(
            documents=files.join(unit.work, unit.file.name("documents")),
            cuts="",
            folder=unit.work,
            name=unit.file.name("minimizers"),
            key=unit.key,
            words=passages.words,
        )
    )


def _write_texts(unit: EvaluationUnit) -> Part:
    """Texts of fewer words than a shingle are left: they would match pages by chance."""
    name = files.name_of(unit.file.path)
    rows = [
        {"id": page_id(f"{name}#{i}"), "url": f"{name}#{i}", "text": text, "date": ""}
        for i, text in enumerate(read_set(unit.file.path, ()), 1)
        if len(text.split()) >= SHINGLE_WORDS
    ]
    if not rows:
        raise SettingError(
            f"dedup.against: {unit.file.path} holds no text of {SHINGLE_WORDS} words or more",
            "Name a file of evaluation examples: JSON lines, tab-separated, or a text a line",
        )
    with PartWriter(
        unit.work, unit.file.name("documents"), _TEXTS, unit.key, fingerprinted=False
    ) as writer:
        writer.add(sorted(rows, key=lambda row: row["id"]))
    return writer.finish()


def _write_register(unit: EvaluationUnit) -> Part:
    """The keep order: as the texts lie, in order of their ids."""
    path = files.join(unit.work, unit.file.name("signatures"))
    seen: set[bytes] = set()
    with PartWriter(
        unit.work, unit.file.name("register"), REGISTER, unit.key, fingerprinted=False
    ) as writer:
        row = 0
        for rows in batches(path, ["id", "exact"]):
            exact = rows["exact"].to_pylist()
            copies = []
            for value in exact:
                copies.append(value in seen)
                seen.add(value)
            row_numbers = pa.array(range(row, row + rows.num_rows), pa.int64())
            row += rows.num_rows
            columns = [
                rows["id"],
                row_numbers,
                pa.array(exact, pa.binary(EXACT_BYTES)),
                pa.array(copies, pa.bool_()),
                pa.array([not copy for copy in copies], pa.bool_()),
            ]
            writer.add(pa.table(columns, schema=REGISTER))
    return writer.finish()
