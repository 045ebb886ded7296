"""Paths are taken as they stand: nothing in them is a pattern, a chain or an escape."""

from __future__ import annotations

from pathlib import Path

import pytest
from dedup.intervals import Dedups, document

from pipeline.store import files
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError
from pipeline.store.schemas import SCHEMAS
from pipeline.store.sql import Database
from pipeline.views.verify import verify_corpus

#: Names of folders, each with one beside it that it would mean as a pattern or after decoding.
NAMES = {
    "a[x]": "ax",
    "a*": "ab",
    "a?": "ab",
    "[!a]": "b",
    "a::b": "a",
    "memory::a": "a",
    "s3:x": "x",
    "two words": "two",
    "ünï": "uni",
    "n#1": "n",
    "50%20": "50 ",
    "~": "home",
    "~root": "root",
    "-r": "r",
    "y=2024": "y",
    "a,b": "a",
    "{a,b}": "a",
    "a\\b": "ab",
    "'a'": "a",
    "$HOME": "home",
}
TEXT = "The ferry to the islands goes twice a day in winter, and more often when there is no ice. "


@pytest.mark.parametrize("scheme", ["", "file://", "memory://"])
@pytest.mark.parametrize("name", NAMES)
def test_files_in_a_folder_of_any_name(name: str, scheme: str, tmp_path: Path) -> None:
    folder, beside = (f"{scheme}{tmp_path}/{one}" for one in (name, NAMES[name]))
    for place in (folder, beside):
        files.write_bytes(files.join(place, "in", "x.txt"), place.encode())
    path = files.join(folder, "in", "x.txt")
    assert (files.read_bytes(path), files.size(path)) == (folder.encode(), len(folder.encode()))
    assert files.listed(folder, "*", "*.txt") == [path]
    assert [p.removeprefix(scheme) for p in files.glob(path)] == [path.removeprefix(scheme)]
    matched = files.glob(files.join(files.escape(folder), "*", "*.txt"))
    assert [p.removeprefix(scheme) for p in matched] == [path.removeprefix(scheme)]
    files.move(path, files.join(folder, "in", "y.txt"))
    assert files.listed(folder, "*", "*") == [files.join(folder, "in", "y.txt")]
    files.remove(files.join(folder, "in"))
    assert files.listed(folder, "*", "*") == []
    assert files.read_bytes(files.join(beside, "in", "x.txt")) == beside.encode()


@pytest.mark.parametrize("name", ["~root", "-r", "a::b", "[x]"])
def test_relative_paths(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files.write_bytes(f"{name}/x", b"here")
    assert (tmp_path / name / "x").read_bytes() == b"here"
    assert files.listed(f"{name}/", "*") == [f"{name}/x"]


def test_a_leading_tilde_is_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    files.write_bytes("~/corpus/x", b"home")
    assert (tmp_path / "corpus" / "x").read_bytes() == b"home"
    assert files.listed("~/corpus", "*") == ["~/corpus/x"]


@pytest.mark.parametrize(("name", "beside"), [("a[x]", "ax"), ("*?::ü #50%20,{b}'~", "aa")])
def test_two_intervals_under_a_root_of_any_name(name: str, beside: str, tmp_path: Path) -> None:
    """The second finds the first, and SQL finds the tables of both and of no other."""
    decoy, dedups = (Dedups(tmp_path / "y=2024" / one) for one in (beside, name))
    decoy.write("2024-01", [document("decoy.org/1", TEXT)], parts=1)
    dedups.write("2024-01", [document("a.org/1", TEXT * 3)], parts=1)
    dedups.run("2024-01")
    dedups.write("2024-02", [document("b.org/1", TEXT * 3), document("b.org/2", "Else.")], parts=1)
    dedups.run("2024-02")
    (row,) = dedups.removed("2024-02").values()
    assert row["kept_id"] == document("a.org/1", "")["id"]
    corpus = dedups.corpus
    assert corpus.intervals("dedup") == ["2024-01", "2024-02"]
    database = Database()
    paths = [path for i in ("2024-01", "2024-02") for path in corpus.paths("documents", i)]
    found = database.ask(f"SELECT url, * EXCLUDE url FROM {database.table(paths)} ORDER BY url")
    assert [row[0] for row in found] == ["https://a.org/1", "https://b.org/1", "https://b.org/2"]
    assert len(found[0]) == len(SCHEMAS["documents"])  # no column from `y=2024`
    assert verify_corpus(corpus).stages == 6


@pytest.mark.parametrize("root", ["", " ", "/", "//", "s3://", "file:///", "gs:// "])
def test_a_root_that_an_unset_variable_leaves_is_refused(root: str) -> None:
    with pytest.raises(SettingError, match="corpus.root.*Is a shell variable unset"):
        Corpus(root)


def test_an_unknown_scheme_is_a_wrong_setting() -> None:
    with pytest.raises(SettingError, match="gopher://x/y: no store is known as gopher://"):
        files.exists("gopher://x/y")
