"""A small corpus whose documents stage is done: pages with planted faults, by id."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow.parquet as pq
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.build.recipe import Recipe
from pipeline.engine.stage import Job, Stage
from pipeline.quality.stage import CorpusStage, QualityStage
from pipeline.store.addresses import page_id
from pipeline.store.corpus import Corpus
from pipeline.store.manifest import Counts, Manifest
from pipeline.store.parts import PartWriter
from pipeline.store.schemas import SCHEMAS

INTERVAL = "2024-01"
PROSE = (
    "The river begins in the hills to the north of the town, where rain gathers in shallow "
    "pools among the heather. Farmers have used its water for centuries, and the old mills "
    "that stand along the banks show how much they needed it. In spring the meadows flood, "
    "which helps the grass to grow and brings the herons back. Nobody remembers who built "
    "the stone bridge, but a date above the middle arch says that it was repaired after a "
    "great storm. Children fish there in the evening and talk until it is dark."
)

Build = Callable[..., Job]


def prose(number: int) -> str:
    """Prose of its own for each number."""
    return f"{PROSE} This is what guide number {number} says of the valley and its people."


def page(url: str, text: str, reddit_id: str = "t3_aaaaa", karma: int = 5) -> dict[str, Any]:
    """A document as a test writes it down."""
    return {"url": url, "text": text, "reddit_id": reddit_id, "karma": karma}


def recipe(
    root: str, quality: dict[str, Any] | None = None, dedup: dict[str, Any] | None = None
) -> Recipe:
    """A recipe with these sections `[quality]` and `[dedup]`."""
    return Recipe.checked(
        {
            "corpus": {"root": root, "interval": INTERVAL},
            "links": {"sources": [{"kind": "urls", "path": "urls.tsv"}]},
            "pages": {"source": "warc", "warc": ["pages.warc.gz"]},
            "quality": quality or {},
            "dedup": dedup or {},
        },
        "test",
    )


def document(page: dict[str, Any]) -> dict[str, Any]:
    """A row of documents."""
    text = page["text"]
    return {
        "id": page_id(page["url"].removeprefix("https://")),
        "url": page["url"],
        "title": "A page",
        "date": "",
        "language": "en",
        "language_score": 0.99,
        "text": text,
        "chars": len(text),
        "words": len(text.split()),
        "digest": hashlib.sha256(text.encode()).hexdigest(),
        "outcome": "ok",
        "canonical": "",
        "extractor": "blocks",
    }


def link(row: dict[str, Any]) -> dict[str, Any]:
    mention = {"kind": "post", "reddit_id": row["reddit_id"], "subreddit": "x"}
    return {
        "id": row["id"],
        "key": row["url"].removeprefix("https://"),
        "url": row["url"],
        "host": row["url"].split("/")[2],
        "karma": row["karma"],
        "first_seen": 0,
        "mentions": [mention | {"score": row["karma"], "created": 0}],
    }


def write_table(
    corpus: Corpus,
    stage: str,
    parts: list[list[dict[str, Any]]],
    seen: int = 0,
    interval: str = INTERVAL,
) -> None:
    folder = corpus.folder(stage, interval)
    entries, fingerprint, counts = [], "", Counts()
    for number, rows in enumerate(parts):
        name = f"part-{number:05d}-of-{len(parts):05d}.parquet"
        with PartWriter(folder, name, SCHEMAS[stage], "test") as writer:
            writer.add(rows)
            writer.counts.keep(len(rows))
        entries.append(writer.finish().file)
        counts += writer.finish().counts
        fingerprint += writer.finish().file.fingerprint or ""
    manifest = Manifest(
        stage=stage,
        interval=interval,
        settings={},
        settings_hash="",
        inputs={},
        code_version="1",
        runner="test",
        counts=counts if not seen else Counts(**{"in": seen, "kept": seen}),
        files=entries,
        fingerprint=hashlib.sha256(fingerprint.encode()).hexdigest(),
    )
    (Path(folder) / "_manifest.json").write_bytes(manifest.to_json())


def write_documents(
    root: str,
    pages: list[dict[str, Any]],
    duplicates: Mapping[str, str] | None = None,
    quality: dict[str, Any] | None = None,
) -> Job:
    """Writes links, documents (2 parts) and a duplicate table as the stages before leave them."""
    corpus = Corpus(root)
    rows = sorted((document(p) | p for p in pages), key=lambda row: row["id"])
    write_table(corpus, "links", [[link(row) for row in rows]])
    rows = [{name: row[name] for name in SCHEMAS["documents"].names} for row in rows]
    parts = [rows[: len(rows) // 2], rows[len(rows) // 2 :]]
    write_table(corpus, "documents", parts)
    kept = {page_id(copy): page_id(page) for copy, page in (duplicates or {}).items()}
    near = {"similarity": 0.9, "kind": "near", "elsewhere": ""}
    removed = [
        [near | {"id": row["id"], "kept_id": kept[row["id"]]} for row in part if row["id"] in kept]
        for part in parts
    ]
    write_table(corpus, "dedup", removed, seen=len(rows))
    return recipe(corpus.root, quality).job()


def run(stage: Stage, job: Job) -> None:
    """Runs a stage in this process."""
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        _ = pipeline | stage.transform(job)


def table(job: Job, stage: str, prefix: str = "part-") -> dict[str, dict[str, Any]]:
    """A stage's rows by id."""
    paths = job.corpus.paths(stage, job.interval, prefix)
    return {row["id"]: row for path in paths for row in pq.read_table(path).to_pylist()}


def build(job: Job) -> dict[str, dict[str, Any]]:
    """Measures and decides; gives the decisions."""
    run(QualityStage(), job)
    run(CorpusStage(), job)
    return table(job, "corpus", "decisions-")
