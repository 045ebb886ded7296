"""Ids, fingerprints, counts and manifests."""

import json
import pickle
import random
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.store.addresses import page_id
from pipeline.store.corpus import Corpus, check_interval
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.manifest import (
    MANIFEST,
    OLD_MANIFEST,
    Counts,
    FileEntry,
    Manifest,
    add_fingerprints,
    read_manifest,
    remove_manifest,
    table_fingerprint,
    write_manifest,
)
from pipeline.store.parts import bucket_of

ROWS = [{"id": page_id(str(i)), "karma": i, "text": "ä" * i} for i in range(50)]


def manifest(**changes: object) -> Manifest:
    values = {
        "stage": "links",
        "interval": "2024-01",
        "settings": {},
        "settings_hash": "x",
        "inputs": {},
        "code_version": "1",
        "runner": "local",
        "counts": Counts(seen=3, kept=2, dropped={"dead": 1}),
        "files": [],
        "fingerprint": "0",
    }
    return Manifest.model_validate(values | changes)


def test_page_id_is_the_documented_hash() -> None:
    # printf example.org/a | b2sum -l 128
    assert page_id("example.org/a") == "4b757696086a596d9e6cd15e49dcf4a9"


def test_fingerprint_does_not_depend_on_order_or_on_the_files() -> None:
    shuffled = ROWS[:]
    random.Random(1).shuffle(shuffled)
    whole = table_fingerprint(pa.Table.from_pylist(ROWS))
    parts = [pa.Table.from_pylist(shuffled[:13]), pa.Table.from_pylist(shuffled[13:])]
    assert add_fingerprints(map(table_fingerprint, parts)) == whole
    changed = [*ROWS[:-1], ROWS[-1] | {"karma": 7}]
    assert table_fingerprint(pa.Table.from_pylist(changed)) != whole


def test_volatile_columns_do_not_count() -> None:
    first = pa.table({"id": ["a"], "fetched_at": [1]})
    later = pa.table({"id": ["a"], "fetched_at": [2]})
    volatile = frozenset({"fetched_at"})
    assert table_fingerprint(first) != table_fingerprint(later)
    assert table_fingerprint(first, volatile) == table_fingerprint(later, volatile)


@given(st.integers(0, 2**128 - 1), st.integers(1, 10_000))
def test_buckets_follow_the_order_of_ids(number: int, buckets: int) -> None:
    bucket = bucket_of(f"{number:032x}", buckets)
    assert 0 <= bucket < buckets
    assert bucket <= bucket_of("f" * 32, buckets) == buckets - 1


def test_counts_add_up() -> None:
    counts = Counts()
    counts.keep(3)
    counts.drop("dead", 2)
    both = counts + Counts(seen=1, dropped={"robots": 1})
    assert both.model_dump(by_alias=True) == {
        "in": 6,
        "kept": 3,
        "dropped": {"dead": 2, "robots": 1},
    }
    assert both.balanced()
    with pytest.raises(ValidationError, match="do not add up"):
        manifest(counts=Counts(seen=3, kept=1))


def test_manifest_round_trip_and_damage(tmp_path: Path) -> None:
    place = Corpus(str(tmp_path))
    assert place.manifest("links", "2024-01") is None
    with pytest.raises(WebtextError, match="not built.*--until links"):
        place.require("links", "2024-01")
    folder = tmp_path / "links" / "2024-01"
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_bytes(manifest().to_json())
    assert place.require("links", "2024-01") == manifest()
    assert place.intervals("links") == ["2024-01"]
    assert place.intervals_before("links", "2024-02") == ["2024-01"]
    (folder / MANIFEST).write_bytes(manifest().to_json()[:-40])
    with pytest.raises(WebtextError, match="damaged.*build the stage again"):
        place.manifest("links", "2024-01")


def test_a_manifest_of_an_older_corpus_is_read_and_replaced(tmp_path: Path) -> None:
    place = Corpus(str(tmp_path))
    folder = tmp_path / "links" / "2024-01"
    folder.mkdir(parents=True)
    (folder / OLD_MANIFEST).write_bytes(manifest().to_json())
    assert place.require("links", "2024-01") == manifest()
    assert place.intervals("links") == ["2024-01"]
    write_manifest(str(folder), manifest(runner="other"))
    assert [path.name for path in folder.iterdir()] == [MANIFEST]
    (folder / OLD_MANIFEST).write_bytes(manifest().to_json())
    assert place.require("links", "2024-01").runner == "other"
    remove_manifest(str(folder))
    assert place.manifest("links", "2024-01") is None


def test_of_many_files_a_manifest_names_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.store.manifest.LISTED", 3)
    names = [f"part-{number}.parquet" for number in range(8)]
    entries = [
        FileEntry(name=name, rows=1, bytes=10 + number, sha256=f"{number}", fingerprint=None)
        for number, name in enumerate(names)
    ]
    folder = str(tmp_path)
    few, many = manifest(files=entries[:3]), manifest(files=entries)
    assert write_manifest(folder, few) == few
    assert "lists" not in json.loads((tmp_path / MANIFEST).read_bytes())

    written, read = write_manifest(folder, many), read_manifest(folder)
    assert read is not None and read == written and not read.files
    assert [one.files for one in read.lists] == [3, 3, 2]
    assert list(read.entries()) == list(pickle.loads(pickle.dumps(read)).entries()) == entries
    assert [entry.name for entry in read.tables("part-")] == names
    assert (read.file_count(), read.size()) == (many.file_count(), many.size()) == (8, 108)
    assert {path.name for path in tmp_path.iterdir()} == read.own_names()

    aside = str(tmp_path / "aside")
    write_manifest(aside, read)  # a copy has lists of its own
    assert write_manifest(folder, manifest(files=entries[1:])).file_count() == 7
    copied = read_manifest(aside)
    assert copied is not None and list(copied.entries()) == entries
    now = read_manifest(folder)
    assert now is not None
    assert {path.name for path in tmp_path.glob("_*")} == now.own_names()

    place = tmp_path / now.lists[1].name
    place.write_bytes(place.read_bytes().replace(b"part-5", b"part-6"))
    with pytest.raises(WebtextError, match="_files-.* was changed.*Remove _manifest.json beside"):
        list(now.entries())
    place.unlink()
    with pytest.raises(WebtextError, match="_files-.* is missing"):
        now.tables("part-")
    remove_manifest(folder)
    assert not list(tmp_path.glob("_*"))


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", "-x"])
def test_an_interval_must_be_a_plain_name(name: str) -> None:
    with pytest.raises(SettingError, match="plain name"):
        check_interval(name)
