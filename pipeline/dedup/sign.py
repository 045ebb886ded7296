"""First step: exact hash and signature of each document, one signature file a documents part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import files
from pipeline.dedup.batch import band_column, signature_schema
from pipeline.dedup.exact import exact_hash
from pipeline.dedup.minhash import shingles_of, signature_of
from pipeline.dedup.normalise import words_of
from pipeline.dedup.settings import DedupSettings
from pipeline.parts import Part, PartWriter, finished_part
from pipeline.progress import Progress

_ROWS = 500  # documents in memory at a time


@dataclass(frozen=True)
class SignUnit:
    """One documents part and the signature file to make of it."""

    documents: str
    folder: str
    name: str
    key: str
    settings: DedupSettings


def sign(unit: SignUnit) -> list[Part]:
    """Writes the signatures of one documents part; rows stay in its order."""
    done = finished_part(unit.folder, unit.name, unit.key)
    if done is None:
        schema = signature_schema(unit.settings)
        with (
            Progress(unit.folder, unit.name) as progress,
            PartWriter(unit.folder, unit.name, schema, unit.key, said=False) as writer,
        ):
            for rows in _rows(unit.documents):
                writer.add(_signed(rows, unit.settings))
                progress.add(rows.num_rows)
        done = writer.part
    return [done] if done else []


def _rows(path: str) -> Iterator[pa.RecordBatch]:
    with files.open_read(path) as stream:
        reader = pq.ParquetFile(stream)
        yield from reader.iter_batches(_ROWS, columns=["id", "text", "chars", "date"])


def _signed(rows: pa.RecordBatch, settings: DedupSettings) -> pa.Table:
    exact, counts, signatures = [], [], []
    for text in rows["text"].to_pylist():
        words = words_of(text)
        shingles = shingles_of(words)
        exact.append(exact_hash(words))
        counts.append(len(shingles))
        signatures.append(signature_of(shingles, settings.hashes).astype("<u4").tobytes())
    width = 4 * settings.rows
    bands = {
        band_column(band): pa.array(
            [signature[band * width : (band + 1) * width] for signature in signatures],
            pa.binary(width),
        )
        for band in range(settings.bands)
    }
    columns = {
        "id": rows["id"],
        "exact": exact,
        "shingles": counts,
        "chars": rows["chars"],
        "date": rows["date"],
        **bands,
    }
    return pa.table(columns, schema=signature_schema(settings))
