"""The reader of Parquet: what is cut, damaged or gone is named, with what to do about it."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import PROJECT

from pipeline.store import parquet
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import OLD_MANIFEST
from pipeline.store.parts import text_bytes
from pipeline.store.sql import Database

TABLE = pa.table({"id": [f"{i:05}" for i in range(20_000)], "text": ["word " * 9] * 20_000})


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def damaged(data: bytes) -> bytes:
    middle = len(data) // 3
    return data[:middle] + bytes(500) + data[middle + 500 :]


def empty(data: bytes) -> bytes:
    return b""


def another(data: bytes) -> bytes:
    return b"<html>Not found</html>"


def sql(path: str) -> object:
    database = Database()
    return database.ask(f"SELECT min(id), sum(len(text)) FROM {database.table([path])}")


READERS: dict[str, Callable[[str], object]] = {
    "batches": lambda path: list(parquet.batches(path)),
    "rows": lambda path: list(parquet.read_rows(path, ["id", "text"])),
    "table": parquet.read_table,
    "where": lambda path: parquet.read_table(path, ["id", "text"], [("id", ">", "0")]),
    "check": parquet.check_table,
    "sql": sql,
}


@pytest.fixture
def part(tmp_path: Path) -> Path:
    path = tmp_path / "part-00000.parquet"
    pq.write_table(TABLE, path, row_group_size=5000, compression="zstd")
    return path


@pytest.mark.parametrize("how", READERS)
@pytest.mark.parametrize("harm", [cut, damaged, empty, another])
def test_a_damaged_part_is_named(part: Path, harm: Callable[[bytes], bytes], how: str) -> None:
    READERS[how](str(part))
    part.write_bytes(harm(part.read_bytes()))
    said = rf"{re.escape(str(part))} is cut or damaged: .*Delete it and the _manifest\.json beside"
    with pytest.raises(WebtextError, match=said):
        READERS[how](str(part))


@pytest.mark.parametrize("how", READERS)
def test_a_part_that_is_gone_is_named(part: Path, how: str) -> None:
    part.unlink()
    with pytest.raises(WebtextError, match=rf"{re.escape(str(part))} is missing\. Delete it"):
        READERS[how](str(part))


def test_a_footer_is_enough_for_rows_and_sizes(part: Path) -> None:
    assert parquet.read_footer(str(part)).num_rows == 20_000
    assert text_bytes(str(part)) > 500
    part.write_bytes(cut(part.read_bytes()))
    with pytest.raises(WebtextError, match="is cut or damaged"):
        text_bytes(str(part))


def test_the_manifest_is_called_by_the_name_it_has(part: Path) -> None:
    (part.parent / OLD_MANIFEST).write_bytes(b"{}")
    part.write_bytes(b"")
    with pytest.raises(WebtextError, match=r"Delete it and the MANIFEST\.json beside"):
        parquet.read_table(str(part))


def test_a_file_that_no_stage_made_has_a_remedy_of_its_own(part: Path) -> None:
    part.write_bytes(b"")
    with pytest.raises(WebtextError, match=r"Fetch it again$"):
        parquet.check_table(str(part), "Fetch it again")
    database = Database("Fetch it again")
    with pytest.raises(WebtextError, match=r"Fetch it again$"):
        database.ask(f"SELECT * FROM {database.table([str(part)])}")


def test_an_error_of_the_disk_is_not_called_damage(part: Path) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"), parquet.open_table(str(part)):
        raise full


def test_a_wrong_query_is_not_called_damage(part: Path) -> None:
    database = Database()
    table = database.table([str(part)])
    with pytest.raises(duckdb.BinderException, match="karma"):
        database.ask(f"SELECT karma FROM {table}")
    with pytest.raises(duckdb.ConversionException):
        database.ask(f"SELECT text::INT FROM {table}")


def test_columns_of_all_files_by_name(part: Path) -> None:
    other = part.with_name("part-00001.parquet")
    pq.write_table(pa.table({"id": ["x"], "score": [1]}), other)
    database = Database()
    rows = database.table([str(part), str(other)], by_name=True)
    found = database.dicts(f"SELECT * FROM {rows} ORDER BY id DESC LIMIT 1")
    assert found == [{"id": "x", "text": None, "score": 1}]


def test_no_sql_reads_parquet_by_itself() -> None:
    """Ruff sees calls, not SQL."""
    sources = [*PROJECT.glob("pipeline/**/*.py"), *PROJECT.glob("trainer/**/*.py")]
    at = {p.relative_to(PROJECT).as_posix() for p in sources if "read_parquet(" in p.read_text()}
    assert at == {"pipeline/store/sql.py"}
