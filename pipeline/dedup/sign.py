"""First step: exact hash and signature of each document, one signature file a documents part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from pipeline.dedup.batch import Batch, band_column, signature_schema
from pipeline.dedup.exact import exact_hash
from pipeline.dedup.minhash import shingles_of, signature_of
from pipeline.dedup.normalise import normalised
from pipeline.dedup.settings import DedupSettings
from pipeline.store.addresses import host_of
from pipeline.store.parquet import open_table
from pipeline.store.parts import Part, PartWriter, finished_part, work_key
from pipeline.store.progress import Progress
from pipeline.store.repeated_lines import NO_LINES, read_host_lines, strip_host_lines

_ROWS = 500  # documents in memory at a time


@dataclass(frozen=True)
class SignUnit:
    """One documents part and the signature file to make of it."""

    documents: str
    host_lines: tuple[str, ...]
    folder: str
    name: str
    key: str
    settings: DedupSettings


def sign_units(_before: list[Part], batch: Batch) -> list[SignUnit]:
    """One unit a documents part; its key leaves out all that decides later steps only."""
    settings, names = batch.settings, batch.signature_names()
    tables = batch.host_lines()[len(batch.documents()) - len(names) :]
    sources = [(source, path) for source in batch.sources for path in source.documents]
    return [
        SignUnit(
            documents=path,
            host_lines=lines,
            folder=batch.folder,
            name=name,
            key=work_key(
                batch.version,
                settings.bands,
                settings.rows,
                settings.fold,
                settings.host_lines.digest(),
                source.fingerprint,
                path,
            ),
            settings=settings,
        )
        for (source, path), name, lines in zip(sources, names, tables, strict=True)
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
            stripped = Stripped(unit.host_lines, unit.documents)
            for rows in _rows(unit.documents):
                texts = [stripped.text(row["url"], row["text"]) for row in rows.to_pylist()]
                writer.add(_signed(rows, texts, unit.settings))
                progress.add(rows.num_rows)
            writer.extra = dict(stripped.counts)
        done = writer.finish()
    return [done]


class Stripped:
    """Texts without the lines that repeat across their hosts, with counts of what went."""

    def __init__(self, paths: tuple[str, ...], documents: str) -> None:
        self._paths, self._documents = paths, documents
        self.counts: Counter[str] = Counter()

    @cached_property
    def _lines(self) -> dict[str, frozenset[bytes]]:
        """Read with the first text: of most parts of older intervals no text is asked."""
        return read_host_lines(self._paths, self._documents)

    def text(self, url: str, text: str) -> str:
        """The text that shingles are made of."""
        stripped, lines = strip_host_lines(text, self._lines.get(host_of(url), NO_LINES))
        if lines:
            self.counts["host_line_pages"] += 1
            self.counts["host_lines"] += lines
            self.counts["host_line_chars"] += len(text) - len(stripped)
        return stripped


def _rows(path: str) -> Iterator[pa.RecordBatch]:
    with open_table(path) as stored:
        yield from stored.iter_batches(_ROWS, columns=["id", "url", "text", "date"])


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
