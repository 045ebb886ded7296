"""The documents stage on real archives: one outcome a page, the same bytes every time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import apache_beam as beam
import pyarrow.parquet as pq
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.documents.settings import DocumentsSettings
from pipeline.documents.sort import sort
from pipeline.documents.stage import DocumentsStage
from pipeline.documents.unit import Unit, fetches_of, make
from pipeline.engine.stage import Job
from pipeline.engine.stage_steps import complete
from pipeline.store.addresses import page_id
from pipeline.store.corpus import Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import Counts, Manifest, read_manifest
from pipeline.store.parts import PartWriter, part_name
from pipeline.store.schemas import SCHEMAS, VOLATILE
from pipeline.store.warc import http_block, record
from pipeline.views.verify import verify_stage

FETCHED = int(datetime(2024, 1, 31, tzinfo=UTC).timestamp())
PROSE = "The committee met on Tuesday and heard from three of the engineers who built the bridge. "
GERMAN = (
    "Der Ausschuss traf sich am Dienstag und hörte drei der Ingenieure, die die Brücke bauten. "
)


@dataclass
class Archived:
    """A page to put into an archive, and what is to become of it."""

    outcome: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html; charset=utf-8"),)


def html(prose: str, times: int = 8) -> bytes:
    return f"<html><body><div><p>{prose * times}</p></div></body></html>".encode()


PAGES = [
    Archived("ok", html(PROSE)),
    Archived("ok", html("Café society. " + PROSE).decode().encode("latin-1"), (
        ("Content-Type", "text/html; charset=iso-8859-1"),
    )),
    Archived("language", html(GERMAN)),
    Archived("too_short", html("Two words.", 1)),
    Archived("empty", b"<html></html>"),
    Archived("content_type", b"%PDF-1.7", (("Content-Type", "application/pdf"),)),
    Archived("bad_encoding", b"\x1f\x8bnot gzip", (
        ("Content-Type", "text/html"), ("Content-Encoding", "gzip"),
    )),
    Archived("too_many_tags", b"<p>" * 300_000),
    Archived("too_large", b"<p>" + b"word " * 300_000),
]  # fmt: skip


def pages_stage(corpus: Corpus, pages: Sequence[Archived], archives: int = 1) -> list[str]:
    """Writes a finished pages stage as the crawler leaves it; gives the ids."""
    folder = corpus.folder("pages", "all")
    Path(folder).mkdir(parents=True)
    parts = []
    ids = [page_id(f"example.org/{n}") for n in range(len(pages))]
    for k in range(archives):
        name, rows, blob = f"segment-{k}.warc.gz", [], b""
        for n in range(k, len(pages), archives):
            page, url = pages[n], f"https://example.org/{n}"
            kind = dict(page.headers)["Content-Type"]
            rows.append(
                dict.fromkeys(SCHEMAS["fetches"].names)
                | {"id": ids[n], "url": url, "outcome": "ok", "content_type": kind}
                | {"warc_file": name, "warc_offset": len(blob), "fetched_at": FETCHED}
                | {"digest": hashlib.sha256(page.body).hexdigest()}
            )
            block = http_block(200, page.headers, page.body)
            fields = {"WARC-Target-URI": url, "WARC-Date": "2024-01-31T00:00:00Z"}
            fields |= {"Content-Type": "application/http; msgtype=response"}
            blob += record("response", fields, block)
        rows.append(dict.fromkeys(SCHEMAS["fetches"].names) | {"id": "f" * 32, "outcome": "gone"})
        (Path(folder) / name).write_bytes(blob)
        table = part_name(k, archives, "fetches")
        with PartWriter(
            folder, table, SCHEMAS["fetches"], "key", volatile=VOLATILE["fetches"]
        ) as writer:
            writer.counts.keep(len(rows) - 1)
            writer.counts.drop("gone")
            writer.add(sorted(rows, key=lambda row: row["id"]))
        parts.append(writer.finish())
    draft = Manifest(
        stage="pages", interval="all", settings={}, settings_hash="", inputs={}, code_version="1",
        runner="local", counts=Counts(), files=[], fingerprint="",
    )  # fmt: skip
    manifest = complete(draft, [part for part in parts if part], 0.0)
    (Path(folder) / "_manifest.json").write_bytes(manifest.to_json())
    return ids


def job(corpus: Corpus, **settings: object) -> Job:
    chosen = DocumentsSettings.model_validate({"max_bytes": 1_000_000} | settings)
    return Job(corpus, "all", (chosen,))


def run(of: Job) -> Manifest:
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        pipeline | DocumentsStage().transform(of)  # type: ignore[operator]
    manifest = read_manifest(DocumentsStage().folder(of))
    assert manifest is not None
    return manifest


def units_of(of: Job) -> list[Unit]:
    """The units of extraction, whose pages are sorted."""
    sorting, extraction = DocumentsStage().plan(of).steps
    for unit in sorting.plan(()):
        sort(unit)
    return list(extraction.plan(()))


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(str(tmp_path / "corpus"))


def test_each_page_has_exactly_one_outcome(corpus: Corpus) -> None:
    ids = pages_stage(corpus, PAGES, archives=2)
    manifest = run(job(corpus, pages_per_unit=3))
    folder = corpus.folder("documents", "all")
    verify_stage(folder, manifest)
    assert manifest.counts.seen == len(PAGES)
    assert DocumentsStage().total(job(corpus)).amount == len(PAGES)
    outcomes = {}
    for prefix in ("part-", "drops-"):
        for path in corpus.paths("documents", "all", prefix):
            rows = pq.read_table(path).to_pylist()
            assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
            outcomes |= {row["id"]: row["outcome"] for row in rows}
    assert outcomes == dict(zip(ids, (page.outcome for page in PAGES), strict=True))
    expected = {page.outcome: 1 for page in PAGES if page.outcome != "ok"}
    assert manifest.counts.dropped == expected
    assert len(corpus.paths("documents", "all")) == 4


def test_what_a_document_says(corpus: Corpus) -> None:
    pages_stage(corpus, PAGES[:2])
    run(job(corpus))
    rows = pq.read_table(corpus.paths("documents", "all")[0]).to_pylist()
    texts = {row["url"][-1]: row for row in rows}
    latin = texts["1"]
    assert latin["text"].startswith("Café society. The committee met")
    assert latin["words"] == len(latin["text"].split())
    assert latin["chars"] == len(latin["text"])
    assert (latin["language"], latin["outcome"]) == ("en", "ok")
    assert latin["language_score"] > 0.9


def test_other_units_say_the_same_and_again_gives_the_same_bytes(corpus: Corpus) -> None:
    pages_stage(corpus, PAGES)
    one = run(job(corpus))
    again = run(job(corpus))
    assert again.files == one.files
    split = run(job(corpus, pages_per_unit=2))
    assert len(split.files) > len(one.files)
    assert split.fingerprint == one.fingerprint


def test_pieces_cover_an_archive_once_and_forwards(corpus: Corpus) -> None:
    pages_stage(corpus, [PAGES[0]] * 7)
    offsets = [
        [fetch["warc_offset"] for fetch in fetches_of(unit)]
        for unit in units_of(job(corpus, pages_per_unit=3))
    ]
    flat = [offset for piece in offsets for offset in piece]
    assert flat == sorted(set(flat))
    assert [len(piece) for piece in offsets] == [2, 3, 2]


def test_a_finished_unit_is_not_made_again(corpus: Corpus) -> None:
    pages_stage(corpus, PAGES[:1])
    unit = units_of(job(corpus))[0]
    first = make(unit)
    (Path(corpus.folder("pages", "all")) / "segment-0.warc.gz").unlink()
    assert make(unit) == first


def test_another_setting_is_other_work(corpus: Corpus) -> None:
    pages_stage(corpus, PAGES[:1])
    stage = DocumentsStage()
    keys = {
        stage.plan(job(corpus, **settings)).steps[1].plan(())[0].work_key
        for settings in ({}, {"min_words": 50}, {"languages": ["de"]}, {"pages_per_child": 7})
    }
    assert len(keys) == 3


def test_a_cut_archive_is_named(corpus: Corpus) -> None:
    pages_stage(corpus, PAGES[:2])
    archive = Path(corpus.folder("pages", "all")) / "segment-0.warc.gz"
    archive.write_bytes(archive.read_bytes()[:-30])
    unit = units_of(job(corpus))[0]
    with pytest.raises(WebtextError, match="segment-0.warc.gz"):
        make(unit)
    assert not list(Path(unit.folder).glob("*.parquet"))


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="language code"):
        DocumentsSettings(languages=("English",))
    assert DocumentsSettings(languages=("fr", "en", "fr")).languages == ("en", "fr")
