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

from pipeline.dedup.batch import Batch, read
from pipeline.dedup.minhash import Hashes64, shingles_of
from pipeline.dedup.normalise import normalised
from pipeline.dedup.settings import DedupSettings
from pipeline.dedup.stage import STEPS, Dedup, DedupStage, is_final, source_of
from pipeline.engine.sink import complete, remove_unlisted
from pipeline.engine.stage import Job
from pipeline.store.addresses import page_id
from pipeline.store.corpus import Corpus
from pipeline.store.manifest import MANIFEST, Counts, Manifest
from pipeline.store.parts import Part, PartWriter, part_name
from pipeline.store.schemas import SCHEMAS

Document = dict[str, Any]


def shingles(text: str) -> Hashes64:
    """The shingles of a text by the default settings."""
    return shingles_of(normalised(text, DedupSettings().folds))


def document(key: str, text: str, *, karma: int = 3, date: str = "") -> Document:
    """A row of the documents table, with the karma of its link."""
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
    }


def _write(corpus: Corpus, stage: str, interval: str, rows: list[Document], parts: int) -> None:
    folder = corpus.folder(stage, interval)
    schema, written = SCHEMAS[stage], []
    for i in range(parts):
        name = part_name(i, parts)
        ours = sorted(rows[i::parts], key=lambda row: row["id"])
        with PartWriter(folder, name, schema, repr(ours)) as writer:
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
    done = complete(draft, [part for part in written if isinstance(part, Part)], 0.0)
    Path(folder, MANIFEST).write_bytes(done.to_json())


class Dedups:
    """Writes intervals into a corpus and deduplicates them."""

    def __init__(self, root: Path) -> None:
        self.corpus = Corpus(str(root))

    def write(self, interval: str, rows: Iterable[Document], parts: int = 2) -> None:
        """The documents and links of an interval, dealt out to some part files."""
        rows = list(rows)
        _write(self.corpus, "documents", interval, rows, parts)
        links = [{**row, "key": row["url"], "host": "", "mentions": []} for row in rows]
        _write(self.corpus, "links", interval, links, 1)

    def job(self, interval: str, **settings: Any) -> Job:
        """The job of an interval."""
        return Job(self.corpus, interval, (DedupSettings(**settings),))

    def run(self, interval: str, *, by_beam: bool = False, **settings: Any) -> Manifest:
        """Runs the stage on an interval, by Beam or step by step without it; its manifest."""
        stage, job = DedupStage(), self.job(interval, **settings)
        transform = stage.transform(job)
        if by_beam:
            self.pipe(transform)
        else:
            parts: list[Part] = []
            for step in STEPS:
                units = list(step.plan(parts, transform.batch))
                parts += [part for unit in reversed(units) for part in step.make(unit)]
            manifest = complete(stage.draft(job), list(filter(is_final, parts)), 0.0)
            Path(stage.folder(job), MANIFEST).write_bytes(manifest.to_json())
            remove_unlisted(stage.folder(job), manifest)
        return self.corpus.require("dedup", interval)

    def pipe(self, transform: beam.PTransform) -> None:
        """Runs a transform on Beam's runner in this process."""
        with beam.Pipeline(runner=FnApiRunner()) as pipeline:
            _ = pipeline | transform

    def removed(self, interval: str) -> dict[str, Document]:
        """The rows of an interval's duplicate table, by id."""
        paths = self.corpus.paths("dedup", interval)
        return {row["id"]: row for path in paths for row in pq.read_table(path).to_pylist()}

    def at_once(self, intervals: list[str], folder: Path) -> pa.Table:
        """The duplicate table of all intervals in one run, by Beam, in a folder of its own."""
        batch = Batch(
            folder=str(folder),
            version=DedupStage.version,
            key="at-once",
            settings=DedupSettings(),
            history=(),
            sources=tuple(source_of(self.corpus, interval) for interval in intervals),
        )
        self.pipe(Dedup(batch, DedupStage().draft(self.job(intervals[0]))))
        return read([str(p) for p in sorted(folder.glob("part-*"))], SCHEMAS["dedup"].names)
