"""Part files: same rows, same bytes; resume by the key in the footer."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.store.manifest import table_fingerprint
from pipeline.store.parts import Part, PartWriter, finished_part, part_name, work_key

SCHEMA = pa.schema([("id", pa.string()), ("n", pa.int64())])
ROWS = [{"id": f"{i:04d}", "n": i} for i in range(25_000)]


def write(folder: Path, key: str = "k", rows: list[dict[str, object]] = ROWS) -> Part:
    with PartWriter(str(folder), "part-00000-of-00001.parquet", SCHEMA, key) as writer:
        writer.add(rows[:10])
        writer.add(pa.Table.from_pylist(rows[10:20], schema=SCHEMA))
        writer.add(rows[20:])
        writer.counts.keep(len(rows))
        writer.extra["lines"] = 7
    return writer.finish()


def test_a_part_holds_its_account(tmp_path: Path) -> None:
    part = write(tmp_path)
    assert (part.file.rows, part.counts.kept, part.extra) == (25_000, 25_000, {"lines": 7})
    table = pq.read_table(tmp_path / part.file.name)
    assert table.to_pylist() == ROWS
    assert part.file.fingerprint == table_fingerprint(table)


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a"), write(tmp_path / "b")
    assert first == second


def test_resume_takes_only_a_whole_part_of_the_same_work(tmp_path: Path) -> None:
    part = write(tmp_path)
    path = tmp_path / part.file.name
    assert finished_part(str(tmp_path), part.file.name, "k") == part
    assert finished_part(str(tmp_path), part.file.name, "other") is None
    assert finished_part(str(tmp_path), "part-1", "k") is None
    path.write_bytes(path.read_bytes()[:-100])
    assert finished_part(str(tmp_path), part.file.name, "k") is None


def test_a_failed_part_leaves_the_one_before(tmp_path: Path) -> None:
    part = write(tmp_path)
    writer = PartWriter(str(tmp_path), part.file.name, SCHEMA, "new")
    with pytest.raises(KeyError), writer:
        writer.add(ROWS[:10])
        raise KeyError
    assert finished_part(str(tmp_path), part.file.name, "k") == part
    assert [p.name for p in tmp_path.iterdir()] == [part.file.name]


def test_a_row_that_does_not_fit_the_schema_fails(tmp_path: Path) -> None:
    with pytest.raises(pa.ArrowInvalid), PartWriter(str(tmp_path), "x.parquet", SCHEMA, "k") as w:
        w.add([{"id": "a", "n": "not a number"}])
    assert list(tmp_path.iterdir()) == []


def test_names_and_keys() -> None:
    assert part_name(3, 8) == "part-00003-of-00008.parquet"
    assert work_key("a", 1) == work_key("a", "1") != work_key("a1")
