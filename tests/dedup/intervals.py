"""Intervals of documents as the stages before dedup leave them, and the stage run on them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.build.build import ALL_STAGES
from pipeline.dedup.batch import Batch, read
from pipeline.dedup.minhash import Hashes64, shingles_of
from pipeline.dedup.normalise import normalised
from pipeline.dedup.settings import DedupSettings
from pipeline.dedup.stage import DedupStage, source_of
from pipeline.dedup.steps import plan_dedup
from pipeline.engine.sink import StageTransform
from pipeline.engine.stage import Job
from pipeline.engine.stage_steps import complete
from pipeline.forget.stages import edit_stage
from pipeline.store.addresses import page_id
from pipeline.store.corpus import Corpus
from pipeline.store.manifest import MANIFEST, Counts, Manifest
from pipeline.store.parts import Part, PartWriter, part_name
from pipeline.store.schemas import SCHEMAS

Document = dict[str, Any]


def shingles(text: str) -> Hashes64:
    """The shingles of a text by the default settings."""
    return shingles_of(normalised(text, DedupSettings().folds))


def document(key: str, text: str, *, karma: int = 3, date: str = "", reason: str = "") -> Document:
    """A row of the documents table, with the karma of its link and the rule that it breaks."""
    return {
        "id": page_id(key),
        "url": f"https://{key}",
        "title": "",
        "date": date,
        "language": "en",
        "language_score": 1.0,
        "text": text,
        "chars": len(text),
        "words": len(text.split()),
        "digest": hashlib.sha256(text.encode()).hexdigest(),
        "outcome": "ok",
        "karma": karma,
        "stage": "quality" if reason else "",
        "reason": reason,
    }


def _write(corpus: Corpus, stage: str, interval: str, rows: list[Document], parts: int) -> None:
    """The parts of documents, or the tables of quality beside them."""
    folder, written = corpus.folder(stage, interval), []
    tables = ("_verdicts", "_cuts") if stage == "quality" else ("part",)
    for i in range(parts):
        ours = sorted(rows[i::parts], key=lambda row: row["id"])
        for table in tables:
            schema = SCHEMAS.get(table.removeprefix("_"), SCHEMAS["documents"])
            name = part_name(i, parts, table)
            with PartWriter(folder, name, schema, repr(ours)) as writer:
                if table != "_cuts":
                    writer.add([{key: row.get(key) for key in schema.names} for row in ours])
                    writer.counts = Counts(seen=len(ours), kept=len(ours))
            written.append(writer.finish())
    draft = Manifest(
        stage=stage,
        interval=interval,
        settings={},
        settings_hash="",
        inputs={},
        code_version="test",
        runner="test",
        counts=Counts(),
        files=[],
        fingerprint="",
    )
    done = complete(draft, written, 0.0)
    Path(folder, MANIFEST).write_bytes(done.to_json())


class Dedups:
    """Writes intervals into a corpus and deduplicates them."""

    def __init__(self, root: Path) -> None:
        self.corpus = Corpus(str(root))

    def write(self, interval: str, rows: Iterable[Document], parts: int = 2) -> None:
        """The documents of an interval with the verdicts on them, dealt out to some part files."""
        for stage in ("documents", "quality"):
            _write(self.corpus, stage, interval, list(rows), parts)

    def job(self, interval: str, **settings: Any) -> Job:
        """The job of an interval."""
        return Job(self.corpus, interval, (DedupSettings(**settings),))

    def run(self, interval: str, *, by_beam: bool = False, **settings: Any) -> Manifest:
        """Runs the stage on an interval, by Beam or step by step without it; its manifest."""
        stage, job = DedupStage(), self.job(interval, **settings)
        if by_beam:
            self.pipe(stage.transform(job))
        else:
            plan, parts = stage.plan(job), list[Part]()
            for step in plan.steps:
                units = list(step.plan(parts))
                parts += [part for unit in reversed(units) for part in step.make(unit)]
            plan.ending.write(parts, 0.0)
        return self.corpus.require("dedup", interval)

    def take_out(self, interval: str, pages: frozenset[str]) -> None:
        """Pages leave an interval."""
        for stage in ALL_STAGES:
            if stage.name in ("documents", "quality", "dedup"):
                edit_stage(self.corpus, stage, stage.name, interval, pages)

    def pipe(self, transform: beam.PTransform) -> None:
        """Runs a transform on Beam's runner in this process."""
        with beam.Pipeline(runner=FnApiRunner()) as pipeline:
            _ = pipeline | transform

    def removed(self, interval: str) -> dict[str, Document]:
        """The rows of an interval's duplicate table, by id."""
        paths = self.corpus.paths("dedup", interval)
        return {row["id"]: row for path in paths for row in pq.read_table(path).to_pylist()}

    def passages(self, interval: str) -> list[Document]:
        """The rows of an interval's table of passages."""
        paths = self.corpus.paths("dedup", interval, "passages-")
        return [row for path in paths for row in pq.read_table(path).to_pylist()]

    def at_once(self, intervals: list[str], folder: Path, **settings: Any) -> pa.Table:
        """The duplicate table of all intervals in one run, by Beam, in a folder of its own."""
        batch = Batch(
            folder=str(folder),
            version=DedupStage.version,
            key="at-once",
            settings=DedupSettings(**settings),
            history=(),
            sources=tuple(source_of(self.corpus, interval) for interval in intervals),
        )
        plan = plan_dedup(batch, DedupStage().draft(self.job(intervals[0])))
        self.pipe(StageTransform(plan))
        return read([str(p) for p in sorted(folder.glob("part-*"))], SCHEMAS["dedup"].names)

    def passages_at_once(self, folder: Path) -> list[Document]:
        """The table of passages of a run of `at_once`, in order of id."""
        paths = [str(p) for p in sorted(folder.glob("_passages-*"))]
        return in_order(read(paths, SCHEMAS["passages"].names).to_pylist())


def in_order(rows: Iterable[Document]) -> list[Document]:
    """Rows by id, and by place in the page where there are several of one."""
    return sorted(rows, key=lambda row: (row["id"], row.get("start")))
