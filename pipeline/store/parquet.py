"""Reading Parquet files of a corpus: one that is cut or damaged is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.store import files
from pipeline.store.errors import WebtextError


@contextmanager
def open_table(path: str) -> Iterator[pq.ParquetFile]:
    """A Parquet file, open for reading.

    Raises WebtextError, with its name, when it cannot be read.  What is missing raises
    FileNotFoundError as before.
    """
    with files.open_read(path) as stream:
        try:
            yield pq.ParquetFile(stream)
        except (pa.ArrowInvalid, pa.ArrowIOError) as error:
            raise WebtextError(
                f"{path} is cut or damaged: {str(error).splitlines()[0]}",
                "Delete it and the MANIFEST.json beside it, and build again: that stage makes "
                "what is missing. `webtext verify ROOT` names other damaged files",
            ) from error
