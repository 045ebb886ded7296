"""Reading Parquet files: the one reader of all, which names a file that is cut, damaged or gone.

Nothing else calls pyarrow's readers (ruff forbids it); SQL over Parquet goes through
`pipeline/store/sql.py`.  Writing is in `parts.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import MANIFEST, manifest_path

_BATCH = 10_000  # rows of a table at a time
_ROWS = 500  # rows that are objects at a time: some MB where they hold text
#: What pyarrow raises for bytes that are no table, with no errno.
_DAMAGE = (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError)


@contextmanager
def open_table(path: str, remedy: str | None = None) -> Iterator[pq.ParquetFile]:
    """A Parquet file, open for reading.

    Raises WebtextError, with its name, when it is missing, cut or damaged, then or while the
    block reads it.  `remedy` is for files that no stage made.
    """
    with _readable(path, remedy) as stream:
        yield pq.ParquetFile(stream)


@contextmanager
def _readable(path: str, remedy: str | None = None) -> Iterator[IO[bytes]]:
    try:
        stream = files.open_read(path)
    except (FileNotFoundError, NotADirectoryError):
        raise WebtextError(f"{path} is missing", remedy or _build_again(path)) from None
    with stream:
        try:
            yield stream
        except _DAMAGE as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk or the store, not the file: no right, no space, no answer
            reason = str(error).splitlines()[0].rpartition("'<Buffer>': ")[2].partition(". ")[0]
            raise WebtextError(
                f"{path} is cut or damaged: {reason}", remedy or _build_again(path)
            ) from error


def _build_again(path: str) -> str:
    folder = path.rsplit("/", 1)[0]
    name = files.name_of(manifest_path(folder) or MANIFEST)
    return (
        f"Delete it and the {name} beside it, and build again: that stage makes what is "
        "missing. `webtext verify ROOT` names other damaged files"
    )


def batches(
    path: str,
    columns: Sequence[str] | None = None,
    size: int = _BATCH,
    remedy: str | None = None,
) -> Iterator[pa.RecordBatch]:
    """The rows of a file, `size` at a time; raises as `open_table` does."""
    with open_table(path, remedy) as stored:
        yield from stored.iter_batches(size, columns=None if columns is None else [*columns])


def read_rows(path: str, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a file one by one, with few of them in memory; raises as `open_table` does."""
    for batch in batches(path, columns, _ROWS):
        yield from batch.to_pylist()


def read_table(
    path: str,
    columns: Sequence[str] | None = None,
    where: Sequence[tuple[str, str, Any]] | None = None,
) -> pa.Table:
    """A whole file, or columns of it, or the rows that meet all of `where`.

    Conditions are (column, operator, value); row groups that cannot hold such a row stay
    unread.  Raises as `open_table` does.
    """
    wanted = None if columns is None else [*columns]
    with _readable(path) as stream:
        return pq.read_table(stream, columns=wanted, filters=[*where] if where else None)


def read_footer(path: str) -> pq.FileMetaData:
    """What a file says of itself: rows, schema, row groups; raises as `open_table` does."""
    with open_table(path) as stored:
        return stored.metadata


def rows_of(path: str) -> int:
    """Rows of a file, from its footer."""
    return int(read_footer(path).num_rows)


def check_table(path: str, remedy: str | None = None) -> None:
    """Reads a file to its end; raises as `open_table` does."""
    for _ in batches(path, remedy=remedy):
        pass
