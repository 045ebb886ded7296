"""What a run of dedup compares with what: the documents to decide, and those decided before.

Every document has a place, its row among all signature files in order.  One that may be in the
corpus has a number as well, its place in keep order: the least number is the most preferred
document of the earliest interval.  Both count from 0 over all history, then the batch.  They
live within one run only; what is written for others names documents by id.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.dedup.exact import EXACT_BYTES
from pipeline.dedup.settings import DedupSettings
from pipeline.store import files
from pipeline.store.manifest import WORK
from pipeline.store.parquet import read_table, rows_of
from pipeline.store.parts import Part, part_name

#: The keep order of a finished interval: row i is the i-th most preferred of the documents
#: that passed.
REGISTER = pa.schema(
    [
        ("id", pa.string()),
        ("place", pa.int64()),  # row among the interval's signature files
        ("exact", pa.binary(EXACT_BYTES)),
        ("copy", pa.bool_()),  # equals, word by word, a document before it in keep order
        ("kept", pa.bool_()),
    ]
)
#: A range of the batch's keep order while it is decided; a place is a row among its signatures.
ORDER = pa.schema([("id", pa.string()), ("place", pa.int64()), ("exact", pa.binary(EXACT_BYTES))])


def signature_schema(settings: DedupSettings) -> pa.Schema:
    """One row a document, in the order of its documents part; one column a band."""
    bands = [(band_column(b), pa.binary(4 * settings.rows)) for b in range(settings.bands)]
    return pa.schema(
        [
            ("id", pa.string()),
            ("exact", pa.binary(EXACT_BYTES)),
            ("shingles", pa.int64()),  # distinct shingles
            ("chars", pa.int64()),  # without lines that repeat across the host
            ("date", pa.string()),
            *bands,
        ]
    )


def band_column(band: int) -> str:
    """The column of a band in the signature files."""
    return f"band_{band:02d}"


@dataclass(frozen=True)
class Source:
    """The documents of one interval that are to be decided.

    Of each part of documents, the verdicts that say which of them may be in the corpus, and the
    cuts of its texts.
    """

    interval: str
    documents: tuple[str, ...]
    verdicts: tuple[str, ...]
    cuts: tuple[str, ...]
    #: Of what documents and cuts say; signatures are made again when it changes.
    fingerprint: str


@dataclass(frozen=True)
class Decided:
    """An interval that was decided before: text, signatures, keep order and removed ones."""

    interval: str
    documents: tuple[str, ...]
    signatures: tuple[str, ...]
    registers: tuple[str, ...]
    removed: tuple[str, ...]
    cuts: tuple[str, ...]
    #: The root of another corpus, or the name of an evaluation set; empty for our own.
    elsewhere: str = ""
    #: Minimizers of its texts, and what of them was cut; empty where no passages are looked for.
    minimizers: tuple[str, ...] = ()
    passages: tuple[str, ...] = ()


@dataclass(frozen=True)
class EvaluationFile:
    """A file of texts that the corpus must not hold, the `number`-th of its run."""

    path: str
    number: int
    sha256: str

    def name(self, kind: str) -> str:
        """The scratch file with its documents, signatures or register."""
        return f"set-{self.number:05d}-{kind}.parquet"


@dataclass(frozen=True)
class Batch:
    """One run: `sources` are decided, in their order, after and against `history`."""

    folder: str
    version: str  # of the stage's code
    key: str  # the work key of the whole run
    settings: DedupSettings
    history: tuple[Decided, ...]
    sources: tuple[Source, ...]
    #: The first of `history`: their files are made by the run itself.
    evaluation: tuple[EvaluationFile, ...] = ()

    @property
    def work(self) -> str:
        """The folder of scratch files."""
        return files.join(self.folder, WORK)

    def base(self) -> int:
        """The first number of the batch; all below are history."""
        return sum(rows_of(path) for decided in self.history for path in decided.registers)

    def has_pages(self) -> bool:
        """Whether an earlier interval of this corpus holds any page."""
        own = (decided for decided in self.history if not decided.elsewhere)
        return any(rows_of(path) for decided in own for path in decided.registers)

    def first_place(self) -> int:
        """The place of the batch's first document; all before are of history."""
        return sum(rows_of(path) for decided in self.history for path in decided.signatures)

    def bounds(self) -> list[int]:
        """Where each of the batch's parts begins among its documents, and where the last ends."""
        rows = (rows_of(files.join(self.folder, name)) for name in self.signature_names())
        return [*accumulate(rows, initial=0)]

    def parts(self) -> list[tuple[Source, str, str]]:
        """Each documents part of the batch in order of place: source, path, table of cuts."""
        return [
            (source, path, cuts)
            for source in self.sources
            for path, cuts in zip(source.documents, source.cuts, strict=True)
        ]

    def documents(self) -> list[str]:
        """All documents parts of history and batch, in order of place."""
        parts = [path for decided in self.history for path in decided.documents]
        return parts + [path for source in self.sources for path in source.documents]

    def cuts(self) -> list[str]:
        """The table of cuts of each documents part, in order of place; empty where it has none."""
        past = [path for d in self.history for path in d.cuts or [""] * len(d.documents)]
        return past + [path for source in self.sources for path in source.cuts]

    def signature_names(self) -> list[str]:
        """The names of the batch's signature files, one for each documents part."""
        count = sum(len(source.documents) for source in self.sources)
        return [part_name(i, count, "_signatures") for i in range(count)]

    def minimizer_names(self) -> list[str]:
        """The names of the batch's files of minimizers, one for each documents part."""
        return [name.replace("_signatures", "_minimizers") for name in self.signature_names()]

    def minimizers(self) -> list[str]:
        """All files of minimizers, in order of place; parallel to `documents`."""
        past = [path for decided in self.history for path in decided.minimizers]
        return past + [files.join(self.folder, name) for name in self.minimizer_names()]

    def passages(self) -> list[str]:
        """The table of what was cut of each documents part; empty where it has none."""
        past = [path for d in self.history for path in d.passages or [""] * len(d.documents)]
        return past + [""] * len(self.signature_names())

    def signatures(self) -> list[str]:
        """All signature files, in order of place; parallel to `documents`."""
        past = [path for decided in self.history for path in decided.signatures]
        return past + [files.join(self.folder, name) for name in self.signature_names()]


def names_of(parts: Iterable[Part], prefix: str) -> list[str]:
    """The names of the parts' files that begin with `prefix`, sorted."""
    return sorted(p.file.name for p in parts if p.file and p.file.name.startswith(prefix))


def read(
    paths: list[str] | tuple[str, ...],
    columns: list[str],
    filters: list[tuple[str, str, Any]] | None = None,
) -> pa.Table:
    """Columns of several Parquet files, one after the other; `filters` prune row groups."""
    tables = []
    for path in paths:
        tables.append(read_table(path, columns, filters))
    return pa.concat_tables(tables)


def column(table: pa.Table, name: str) -> npt.NDArray[np.int64]:
    """A column without nulls as an array."""
    array: npt.NDArray[np.int64] = table[name].to_numpy()
    return array


def fixed_bytes(chunked: pa.ChunkedArray, width: int) -> npt.NDArray[np.uint8]:
    """A fixed-size binary column as bytes of shape (rows, width)."""
    pieces = [
        np.frombuffer(chunk.buffers()[1], np.uint8).reshape(-1, width)[
            chunk.offset : chunk.offset + len(chunk)
        ]
        for chunk in chunked.chunks
        if len(chunk)
    ]
    return np.concatenate(pieces) if pieces else np.empty((0, width), np.uint8)
