"""Common Crawl's columnar index: which of our links it has, and where.

The index is a Parquet table of some 300 files a crawl, one row a capture.  Rows are
turned away by their host first (DuckDB reads one column for that); only what is left is
brought to its canonical key, which costs some microseconds each.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.pages.captures import Spot
from pipeline.store.addresses import canonical_key, page_id
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import WORK
from pipeline.store.parquet import batches, open_table
from pipeline.store.parts import Part, PartWriter, finished_part
from pipeline.store.progress import Progress

MATCHES = pa.schema(
    [
        ("id", pa.string()),
        ("date", pa.int64()),
        ("url", pa.string()),
        ("digest", pa.string()),
        ("file", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
    ]
)
_COLUMNS = ("url", "url_host_name", "fetch_time", "fetch_status", "content_digest",
            "warc_filename", "warc_record_offset", "warc_record_length")  # fmt: skip
_REMEDY = "It is named by pages.commoncrawl: fetch it again"
# A key has its host without these; whether two labels are left does not matter here, since
# whole keys are compared afterwards and the bare name of the index is asked for as well.
_BARE = r"regexp_replace(url_host_name, '^((www|m|mobile|amp)\.)+', '')"
_HOSTS = "SELECT DISTINCT regexp_extract(key, '^[^/?:]+') AS host FROM {links}"
_QUERY = f"""
SELECT epoch(fetch_time)::BIGINT, url, coalesce(content_digest, ''),
       warc_filename, warc_record_offset::BIGINT, warc_record_length::BIGINT
FROM {{index}}
WHERE fetch_status = 200 AND ({_BARE} IN (SELECT host FROM hosts)
                              OR url_host_name IN (SELECT host FROM hosts))
"""  # noqa: S608  # made of constants; values go in as parameters


@dataclass(frozen=True)
class IndexFile:
    """One file of the index to be searched for the links of an interval."""

    path: str
    number: int
    folder: str
    key: str
    links: tuple[str, ...]


def match_index(index: IndexFile) -> list[Part]:
    """Writes the captures of our links that a file of the index has, sorted by id."""
    name = f"{WORK}/matches-{index.number:05d}.parquet"
    done = finished_part(index.folder, name, index.key)
    if done is not None:
        return [done]
    prefixes = _known_ids(index.links)
    rows: list[dict[str, Any]] = []
    with Progress(index.folder, f"index-{index.number:05d}") as progress:
        for batch in _candidates(index):
            ids = [page_id(canonical_key(spot.url)) for spot in batch]
            mine = np.isin(_prefixes(ids), prefixes)
            both = zip(ids, batch, mine, strict=True)
            rows += [{"id": identity, **spot._asdict()} for identity, spot, ours in both if ours]
            progress.add(0, candidates=len(ids), captures=int(mine.sum()))
    rows.sort(key=lambda row: (row["id"], row["date"], row["file"], row["offset"]))
    with PartWriter(index.folder, name, MATCHES, index.key, fingerprinted=False) as writer:
        writer.add(rows)
    return [writer.finish()]


def _candidates(index: IndexFile) -> Iterator[list[Spot]]:
    """Batches of captures with status 200 on hosts that links lead to."""
    _refuse_other_tables(index.path)
    from pipeline.store.sql import Database  # noqa: PLC0415  # imports DuckDB

    database = Database(_REMEDY)
    database.ask("SET threads = 1")  # workers are processes
    database.ask("SET memory_limit = '1GB'")
    database.ask("SET temp_directory = ?", [tempfile.gettempdir()])
    hosts = _HOSTS.format(links=database.table(index.links))
    database.ask(f"CREATE TABLE hosts AS {hosts}")
    for batch in database.batches(_QUERY.format(index=database.table([index.path]))):
        yield [Spot(*row) for row in batch]


def _refuse_other_tables(path: str) -> None:
    with open_table(path, _REMEDY) as stored:
        names = stored.schema_arrow.names
    missing = [name for name in _COLUMNS if name not in names]
    if missing:
        raise WebtextError(
            f"pages.commoncrawl: {path} has no column {missing[0]}",
            "Give files of the columnar index: cc-index/table/cc-main/warc/crawl=…/subset=warc/",
        )


def _known_ids(paths: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """The first 8 bytes of each link's id, sorted: 8 bytes a link, however many there are.

    Two ids that begin alike cost a row in a scratch file; the whole id decides later.
    """
    prefixes = [np.zeros(0, np.uint64)]
    for path in paths:
        for batch in batches(path, ["id"]):
            prefixes.append(_prefixes(batch["id"].to_pylist()))
    return np.sort(np.concatenate(prefixes))


def _prefixes(ids: list[str]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    return np.array([int(identity[:16], 16) for identity in ids], np.uint64)
