"""Texts that a user has already, in every layout that they come in."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather

from pipeline.store.addresses import canonical_key, page_of
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.own_texts import (
    NoTextError,
    OwnText,
    TextFiles,
    address_of,
    find_bundles,
    rows_of,
    unpacked_text,
)

ROWS = [
    {"body": 'One, "quoted"\tand tabbed', "link": "https://a.org/1", "n": "1"},
    {"body": "Two\u2028with a paragraph mark, ü", "link": "no address", "n": "2"},
]
COLUMNS = {"text": "body", "url": "link", "id": "n"}


def _parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), path)


def _stream(path: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def _csv(path: Path) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(ROWS[0]))
        writer.writeheader()
        writer.writerows(ROWS)


def _lines() -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS).encode()


WRITERS = {
    "a.parquet": _parquet,
    "a.arrow": _stream,
    "feather.arrow": lambda path: feather.write_feather(pa.Table.from_pylist(ROWS), str(path)),
    "a.csv": _csv,
    "a.jsonl": lambda path: path.write_bytes(_lines()),
    "a.jsonl.gz": lambda path: path.write_bytes(gzip.compress(_lines())),
    "a.ndjson.zst": lambda path: path.write_bytes(zstandard.compress(_lines())),
    "a.json": lambda path: path.write_text(json.dumps(ROWS)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_table_gives_the_same_texts(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    settings = TextFiles(path=str(tmp_path / name), **COLUMNS)
    (bundle,) = find_bundles(settings, "pages.texts.path")
    assert bundle.name == name
    first, second = rows_of(bundle, settings)
    assert first == OwnText("https://a.org/1", ROWS[0]["body"])
    assert second == OwnText(address_of("2"), ROWS[1]["body"])


def test_a_folder_of_files_is_a_text_each_whatever_their_names(tmp_path: Path) -> None:
    for name, text in {"b/x.txt": "X\n", "b/y.md": "Y", ".hidden/z.txt": "Z"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    settings = TextFiles(path=str(tmp_path))
    (bundle,) = find_bundles(settings, "path")
    assert bundle.names == ("b/x.txt", "b/y.md")
    assert list(rows_of(bundle, settings)) == [
        OwnText(address_of("b/x.txt"), "X\n"),
        OwnText(address_of("b/y.md"), "Y"),
    ]

    (tmp_path / "c.json").write_text("{")
    whole = TextFiles(path=str(tmp_path), whole_files=True)
    (bundle,) = find_bundles(whole, "path")
    assert bundle.names == ("b/x.txt", "b/y.md", "c.json")

    below = TextFiles(path=f"{tmp_path}/b/*.txt")
    (bundle,) = find_bundles(below, "path")
    assert bundle.names == ("x.txt",)


def test_a_saved_data_set_is_its_arrow_files(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        _stream(tmp_path / split / "data-00000-of-00001.arrow")
        (tmp_path / split / "state.json").write_text("{}")
        (tmp_path / split / "dataset_info.json").write_text("{}")
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    settings = TextFiles(path=str(tmp_path), text="body")
    names = [bundle.name for bundle in find_bundles(settings, "path")]
    assert names == ["test/data-00000-of-00001.arrow", "train/data-00000-of-00001.arrow"]


def test_a_text_without_a_name_is_named_by_file_and_row(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "A"}\n{"text": null}\n{}\n{"text": "\\ud800"}\n')
    settings = TextFiles(path=f"{tmp_path}/*.jsonl")
    (bundle,) = find_bundles(settings, "path")
    rows = list(rows_of(bundle, settings))
    assert rows[0] == OwnText(address_of("a.jsonl#1"), "A")
    assert [type(row) for row in rows] == [OwnText, NoTextError, NoTextError, OwnText]
    assert rows[3] == OwnText(address_of("a.jsonl#4"), "?")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Señor Müller", "utf-8"),
        ("Señor Müller", "utf-8-sig"),
        ("Señor Müller", "utf-16"),
        ("Señor Müller", "latin-1"),
        ("It’s “quoted” – once", "cp1252"),
        ("Старый мельник каждый день ходил к реке и смотрел на воду. ", "cp1251"),
    ],
)
def test_a_file_of_any_encoding_is_its_text(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    settings = TextFiles(path=str(tmp_path))
    (bundle,) = find_bundles(settings, "path")
    assert list(rows_of(bundle, settings)) == [OwnText(address_of("a.txt"), text)]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", b"", "a.csv is empty: it names no columns"),
        ("a.csv", b"text;title\nx;y\n", "Save it with commas between its columns"),
        ("a.csv", b"text,title\nx,\xe9\n", "a.csv, line 2 is not in UTF-8"),
        ("a.tsv", b"text\tt\xeftle\n", "a.tsv, line 1 is not in UTF-8"),
        ("a.parquet", b"", "a.parquet is cut or damaged: .*Give another file"),
        ("a.arrow", b"", "a.arrow is no table of Arrow"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(data)
    settings = TextFiles(path=str(tmp_path))
    with pytest.raises(WebtextError, match=message):
        [*rows_of(find_bundles(settings, "path")[0], settings)]


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.csv"])
def test_a_column_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    with pytest.raises(SettingError, match=r"no column 'text'; it has: body, link, n"):
        find_bundles(TextFiles(path=str(tmp_path / name)), "path")


@pytest.mark.parametrize(
    ("path", "message"), [("", "path is empty"), ("nothing/*.x", "matches no file")]
)
def test_a_path_without_files_is_refused(path: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        find_bundles(TextFiles(path=path), "path")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="holds no file"):
        find_bundles(TextFiles(path=str(tmp_path)), "path")


names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40)


@given(names, names)
def test_names_that_differ_are_addresses_that_differ(one: str, other: str) -> None:
    keys = []
    for name in (one, other):
        address = page_of(address_of(name))
        assert address is not None
        assert address.key == canonical_key(address.url)
        keys.append(address.key)
    assert (keys[0] == keys[1]) == (one == other)


def test_a_text_is_packed_with_title_and_day() -> None:
    packed = OwnText("", "T\r\nü", "Title", 1_704_067_200).packed()
    assert unpacked_text(packed) == {"text": "T\r\nü", "title": "Title", "date": "2024-01-01"}
    assert unpacked_text(OwnText("", "T", date="no day").packed())["date"] == ""
    with pytest.raises(ValueError, match="no text"):
        unpacked_text(b"[]")
