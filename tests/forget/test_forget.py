"""Forgetting on the built sample: what is gone, what stays, and what holds afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from fastwarc.warc import ArchiveIterator
from support import Run

from pipeline.build.build import locked
from pipeline.forget.forget import find_pages, forget
from pipeline.store import files
from pipeline.store.corpus import Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.forgotten import LIST, PENDING
from pipeline.store.manifest import write_manifest
from pipeline.store.release import publish, read_release
from pipeline.tokens.megatron import IndexedDataset
from pipeline.views.report import REPORT, write_report
from pipeline.views.verify import finished_stages, verify_corpus

INTERVAL = "2024-01"
STAGES = ("links", "pages", "documents", "quality", "dedup", "corpus", "tokens/gpt2")


def fingerprints(corpus: Corpus) -> dict[str, str]:
    return {stage: corpus.require(stage, INTERVAL).fingerprint for stage in STAGES}


def gone_pages(sample_root: Path, listed: str) -> dict[str, str]:
    """The pages that the list names, {id: address}, worked out from the tables of the sample."""
    from pipeline.store.takedown import parse_takedown

    corpus = Corpus(str(sample_root))
    ids, _ = find_pages(corpus, parse_takedown(Path(listed).read_text(), listed))
    rows = [r for p in corpus.paths("links", INTERVAL) for r in pq.read_table(p).to_pylist()]
    return {row["id"]: row["url"] for row in rows if row["id"] in ids}


def tokens_of(corpus: Corpus) -> dict[str, tuple[str, bytes]]:
    """(shard, tokens) of each document."""
    found = {}
    folder = corpus.folder("tokens/gpt2", INTERVAL)
    for path in corpus.paths("tokens/gpt2", INTERVAL, "documents-"):
        for row in pq.read_table(path).to_pylist():
            shard = IndexedDataset(files.join(folder, row["shard"]))
            piece = shard.tokens[row["start"] : row["start"] + row["length"]]
            found[row["id"]] = (row["shard"], np.asarray(piece).tobytes())
    return found


def rows_of(corpus: Corpus) -> Iterator[tuple[Path, dict[str, object]]]:
    for path in Path(corpus.root).rglob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            yield path, row


def test_pages_are_gone_from_everything_and_the_rest_is_as_it_was(
    copy: Corpus, sample_root: Path, listed: str
) -> None:
    gone = gone_pages(sample_root, listed)
    assert len(gone) >= 10
    before, old = finished_stages(copy), tokens_of(copy)
    trained = {page for page in old if page in gone}
    assert trained
    write_report(copy)
    publish(copy, INTERVAL)
    done = forget(copy, listed)
    assert done.pages == len(gone) and done.published == [INTERVAL] and not done.archives

    verify_corpus(copy)
    after = finished_stages(copy)
    for stage, counts in ((s, after[s, INTERVAL].counts) for s in STAGES):
        lost = before[stage, INTERVAL].counts.kept - counts.kept
        assert 0 < lost <= len(gone), stage
        assert all(counts.dropped.values())
    assert after["links", INTERVAL].counts.dropped["forgotten"] == len(gone)
    assert after["pages", INTERVAL].counts.seen == after["links", INTERVAL].counts.kept
    assert after["tokens/gpt2", INTERVAL].counts.seen == after["corpus", INTERVAL].counts.kept

    addresses = set(gone.values())
    for path, row in rows_of(copy):
        assert row.get("id") not in gone, path
        assert addresses.isdisjoint(str(value) for value in row.values()), path
    for path in Path(copy.root).rglob("*.warc.gz"):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, parse_http=False):
                note = record.reader.read() if record.headers["WARC-Type"] == "metadata" else b""
                assert not any(page.encode() in note for page in gone)
    new = tokens_of(copy)
    assert new == {page: said for page, said in old.items() if page not in trained}
    assert sum(len(data) for _, data in new.values()) == sum(
        f.stat().st_size for f in Path(copy.root).rglob("tokens/gpt2/*/*.bin")
    )
    release = read_release(copy).intervals[INTERVAL]
    assert release.fingerprints["corpus"] == after["corpus", INTERVAL].fingerprint
    assert not any(url in (Path(copy.root) / REPORT).read_text() for url in addresses)
    assert (
        f"{after['links', INTERVAL].counts.kept:,}" in (Path(copy.root) / "README.md").read_text()
    )


def test_a_build_has_nothing_to_do_and_links_read_anew_leave_them_out(
    copy: Corpus, listed: str, webtext: Run
) -> None:
    done = webtext("forget", copy.root, listed)
    assert done.returncode == 0, done.stdout
    assert f"pages of {copy.root}: " in done.stdout
    before = fingerprints(copy)
    shutil.rmtree(copy.folder("links", INTERVAL))
    nowhere = "--set=pages.via=http://127.0.0.1:9"  # whoever fetches fails
    done = webtext("build", "quickstart", f"--set=corpus.root={copy.root}", nowhere)
    assert done.returncode == 0, done.stdout
    assert "links: done" in done.stdout and "forgotten" in done.stdout
    assert done.stdout.count(": up to date") == 6
    assert fingerprints(copy) == before


class Killed(BaseException):
    """In place of a kill: no code of ours catches it."""


@pytest.mark.parametrize("moves", [0, 1, 3, 9, 25])
def test_a_killed_one_goes_on_where_it_stopped(
    copy: Corpus, sample_root: Path, listed: str, moves: int, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    whole = Corpus(str(tmp_path / "whole"))
    shutil.copytree(sample_root, whole.root)
    forget(whole, listed)
    left, move = [moves], files.move

    def killed(path: str, place: str) -> None:
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        move(path, place)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(files, "move", killed)
        forget(copy, listed)
    for refused in (verify_corpus, forget_nothing_else):
        with pytest.raises(WebtextError, match="`webtext forget` was stopped"):
            refused(copy)
    forget(copy, listed)
    assert not (Path(copy.root) / PENDING).exists()
    assert not list(Path(copy.root).rglob("_forget"))
    verify_corpus(copy)
    assert fingerprints(copy) == fingerprints(whole)
    for stage in STAGES:
        assert copy.require(stage, INTERVAL).counts == whole.require(stage, INTERVAL).counts


def forget_nothing_else(corpus: Corpus) -> None:
    """A build, which must not start between the two states."""
    from pipeline.build.build import build
    from pipeline.build.recipe import read_recipe

    build(read_recipe("quickstart", [f'corpus.root="{corpus.root}"']), say=lambda _: None)


def test_again_changes_nothing(copy: Corpus, listed: str) -> None:
    forget(copy, listed)
    before = {p: p.stat().st_mtime_ns for p in Path(copy.root).rglob("*.*") if p.name != ".lock"}
    assert forget(copy, listed).pages == 0
    assert forget(copy, None).pages == 0
    after = {p: p.stat().st_mtime_ns for p in before}
    assert after == before


@pytest.mark.parametrize(
    ("stage", "prefix", "column"),
    [("pages", "fetches-", "final_url"), ("documents", "part-", "canonical")],
    ids=["redirect", "copy"],
)
def test_what_leads_to_a_forgotten_page_goes_too(
    copy: Corpus, stage: str, prefix: str, column: str
) -> None:
    path = copy.paths(stage, INTERVAL, prefix)[0]
    table = pq.read_table(path)
    rows = table.to_pylist()
    moved = next(row for row in rows if row["outcome"] == "ok")
    place = "https://moved.example/there"
    changed = [row | ({column: place} if row is moved else {}) for row in rows]
    pq.write_table(table.from_pylist(changed, schema=table.schema), path)
    from pipeline.store.takedown import parse_takedown

    ids, found = find_pages(copy, parse_takedown(place, "list"))
    assert ids == found == {moved["id"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not an address\n", "line 1: 'not an address' is no address, host or id"),
        ("# nothing\n", "names no page"),
    ],
)
def test_bad_lists_are_refused_before_anything_changes(
    copy: Corpus, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(WebtextError, match=said):
        forget(copy, str(tmp_path / "list.txt"))
    assert not (Path(copy.root) / LIST).exists()


def test_an_unfinished_corpus_and_one_at_work_are_refused(copy: Corpus, listed: str) -> None:
    with locked(copy.root), pytest.raises(WebtextError, match="Another build"):
        forget(copy, listed)
    (Path(copy.folder("quality", INTERVAL)) / "_manifest.json").unlink()
    with pytest.raises(WebtextError, match="Stage quality of 2024-01 is unfinished"):
        forget(copy, listed)
    assert not (Path(copy.root) / LIST).exists()
    with pytest.raises(WebtextError, match="does not exist"):
        forget(copy, "nowhere.txt")


def test_a_corpus_behind_an_address_forgets_the_same_and_keeps_lists_of_its_files(
    copy: Corpus, listed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(copy.root, "/forgetting", recursive=True)
    remote = Corpus("memory://forgetting")
    monkeypatch.setattr("pipeline.store.manifest.LISTED", 1)
    try:
        for stage in STAGES:
            write_manifest(remote.folder(stage, INTERVAL), remote.require(stage, INTERVAL))
        verify_corpus(remote)
        forget(remote, listed)
        assert remote.require("documents", INTERVAL).lists
        monkeypatch.undo()
        forget(copy, listed)
        assert not copy.require("documents", INTERVAL).lists
        verify_corpus(remote)
        assert fingerprints(remote) == fingerprints(copy)
        assert not [path for path in memory.find("/forgetting") if "_forget/" in path]
    finally:
        memory.rm("/forgetting", recursive=True)
