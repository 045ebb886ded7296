"""Conformance cases on files, by Beam's own sources and sinks; they need a folder on a disk."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io import fileio, parquetio
from apache_beam.pvalue import PBegin

from pipeline.conformance.cases import N, Outputs, case
from pipeline.store.parquet import read_table


def _texts(scratch: str) -> str:
    for number in range(5):
        lines = "".join(f"{number}-{line}\n" for line in range(100))
        Path(scratch, f"in{number}.txt").write_text(lines)
    return f"{scratch}/in*.txt"


@case("sinks")
def text_files(root: PBegin, scratch: str) -> Outputs:
    pattern = _texts(scratch)
    matched = root | fileio.MatchFiles(pattern) | fileio.ReadMatches()
    return {
        "sizes": matched | beam.Map(lambda f: (Path(f.metadata.path).name, len(f.read()))),
        "lines": root | beam.io.ReadFromText(pattern),
        "all": root | "one" >> beam.Create([pattern]) | beam.io.ReadAllFromText(),
    }


@case("sinks")
def parquet_files(root: PBegin, scratch: str) -> Outputs:
    for number in range(3):
        table = pa.table({"a": list(range(number * 100, number * 100 + 100))})
        pq.write_table(table, f"{scratch}/{number}.parquet", row_group_size=30)
    tables = root | beam.Create([f"{scratch}/*.parquet"]) | parquetio.ReadAllFromParquetBatched()
    return {
        "rows": root | beam.io.ReadFromParquet(f"{scratch}/*.parquet") | beam.Map(lambda r: r["a"]),
        "tables": tables | "values" >> beam.FlatMap(lambda table: table["a"].to_pylist()),
    }


@case("sinks")
def written_text(root: PBegin, scratch: str) -> Outputs:
    Path(scratch, "written").mkdir()
    lines = root | beam.Create([f"line {i}" for i in range(N)])
    return {
        "names": lines
        | beam.io.WriteToText(f"{scratch}/written/x", num_shards=3)
        | beam.Map(lambda path: Path(path).name)
    }


@case("sinks")
def written_parquet(root: PBegin, scratch: str) -> Outputs:
    schema = pa.schema([("a", pa.int64())])
    rows = root | beam.Create([{"a": i} for i in range(N)])
    paths = rows | beam.io.WriteToParquet(f"{scratch}/x", schema, num_shards=2)
    return {"rows": paths | "read" >> beam.FlatMap(lambda p: read_table(p)["a"].to_pylist())}


@case("sinks")
def written_files(root: PBegin, scratch: str) -> Outputs:
    results = (
        root
        | beam.Create([str(i) for i in range(N)])
        | fileio.WriteToFiles(
            scratch,
            destination=lambda line: f"d{int(line) % 3}",
            sink=lambda _: fileio.TextSink(),
            file_naming=fileio.destination_prefix_naming(),
        )
    )
    lines = results | beam.FlatMap(lambda r: Path(scratch, r.file_name).read_text().split())
    return {"lines": lines}
