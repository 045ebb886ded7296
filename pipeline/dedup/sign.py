"""First step: exact hash and signature of each document, one signature file a documents part."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from pipeline.dedup.batch import Batch, band_column, signature_schema
from pipeline.dedup.exact import exact_hash
from pipeline.dedup.minhash import shingles_of, signature_of
from pipeline.dedup.normalise import normalised
from pipeline.dedup.settings import DedupSettings
from pipeline.store import files
from pipeline.store.cuts import read_cuts, without
from pipeline.store.parquet import batches
from pipeline.store.parts import Part, PartWriter, finished_part, work_key
from pipeline.store.progress import Progress

_ROWS = 500  # documents in memory at a time


@dataclass(frozen=True)
class SignUnit:
    """One documents part and the signature file to make of it."""

    documents: str
    cuts: str
    folder: str
    name: str
    key: str
    settings: DedupSettings


def sign_units(batch: Batch) -> list[SignUnit]:
    """One unit a documents part; its key leaves out all that decides later steps only."""
    settings, names = batch.settings, batch.signature_names()
    return [
        SignUnit(
            documents=path,
            cuts=cuts,
            folder=batch.folder,
            name=name,
            key=work_key(
                batch.version,
                settings.bands,
                settings.rows,
                settings.fold,
                source.fingerprint,
                files.name_of(path),
            ),
            settings=settings,
        )
        for (source, path, cuts), name in zip(batch.parts(), names, strict=True)
    ]


def sign(unit: SignUnit) -> list[Part]:
    """Writes the signatures of one documents part; rows stay in its order."""
    done = finished_part(unit.folder, unit.name, unit.key)
    if done is None:
        schema = signature_schema(unit.settings)
        with (
            Progress(unit.folder, unit.name) as progress,
            PartWriter(unit.folder, unit.name, schema, unit.key, fingerprinted=False) as writer,
        ):
            cuts = read_cuts([unit.cuts] if unit.cuts else [])
            for rows in batches(unit.documents, ["id", "text", "date"], _ROWS):
                texts = [without(row["text"], cuts.get(row["id"], ())) for row in rows.to_pylist()]
                writer.add(_signed(rows, texts, unit.settings))
                progress.add(rows.num_rows)
        done = writer.finish()
    return [done]


def _signed(rows: pa.RecordBatch, texts: list[str], settings: DedupSettings) -> pa.Table:
    exact, counts, signatures = [], [], []
    for text in texts:
        shingles = shingles_of(normalised(text, settings.folds))
        exact.append(exact_hash(text))
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
        "chars": [len(text) for text in texts],
        "date": rows["date"],
        **bands,
    }
    return pa.table(columns, schema=signature_schema(settings))
