"""The last look at a run: documents that are kept for very many others."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline.dedup.batch import Batch, names_of
from pipeline.dedup.database import ROWS, database
from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.store.parquet import batches
from pipeline.store.parts import Part, PartWriter, finished_part, part_name, work_key

_EXAMPLES = 10  # removed documents of a large cluster that are named

#: One row a document that is kept for more than `large_cluster` others.
CLUSTERS = pa.schema(
    [
        ("kept_id", pa.string()),
        ("elsewhere", pa.string()),
        ("size", pa.int64()),
        ("examples", pa.list_(pa.string())),
    ]
)
_REMOVED = pa.schema([(name, pa.string()) for name in ("kept_id", "elsewhere", "id")])
_LARGE = """
SELECT kept_id, elsewhere, count(*) AS size, min(id, $examples) AS examples
FROM removed GROUP BY kept_id, elsewhere HAVING count(*) > $limit
ORDER BY size DESC, kept_id, elsewhere
"""


@dataclass(frozen=True)
class ClustersUnit:
    """All of the duplicate table, by the names of its parts."""

    batch: Batch
    parts: tuple[str, ...]


def clusters_units(before: Sequence[Part], batch: Batch) -> list[ClustersUnit]:
    """The large clusters are one unit, which only counts."""
    return [ClustersUnit(batch, tuple(names_of(before, "part-")))]


def write_clusters(unit: ClustersUnit) -> list[Part]:
    """Lists clusters above the limit and says so, before the stage is done.

    Raises WebtextError where the settings want to stop there.
    """
    batch, name = unit.batch, part_name(0, 1, "_clusters")
    key = work_key(batch.key, name, batch.settings.on_large_cluster)
    done = finished_part(batch.folder, name, key)
    if done:
        return [done]
    paths = (files.join(batch.folder, part) for part in unit.parts)
    removed = (rows for path in paths for rows in batches(path, _REMOVED.names, ROWS))
    limit = batch.settings.large_cluster
    with database() as connection:
        connection.register("removed", pa.RecordBatchReader.from_batches(_REMOVED, removed))
        rows = connection.execute(_LARGE, {"limit": limit, "examples": _EXAMPLES}).fetchall()
    if rows:
        page, elsewhere, size, examples = rows[0]
        message = (
            f"{len(rows)} documents in {batch.folder} stand for more than {limit:,} others each; "
            f"{page or elsewhere} for {size:,}, such as {', '.join(examples[:3])}"
        )
        if batch.settings.on_large_cluster == "stop":
            raise WebtextError(
                message,
                "Look at them with `webtext show ROOT documents --where`; then raise "
                'dedup.large_cluster or set dedup.on_large_cluster = "report"',
            )
        logging.getLogger(__name__).warning("%s; all are in %s", message, name)
    with PartWriter(batch.folder, name, CLUSTERS, key, fingerprinted=False) as writer:
        writer.extra = {"large_clusters": len(rows)}
        writer.add(dict(zip(CLUSTERS.names, row, strict=True)) for row in rows)
    return [writer.finish()]
