"""Ids, fingerprints, counts and manifests."""

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
    Manifest,
    add_fingerprints,
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


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", "-x"])
def test_an_interval_must_be_a_plain_name(name: str) -> None:
    with pytest.raises(SettingError, match="plain name"):
        check_interval(name)
