"""A build each of whose units two processes carry out at once is the build of one worker."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from at_once import everything_twice

from pipeline.build.build import build
from pipeline.build.recipe import read_recipe
from pipeline.sample import PAGES
from pipeline.store import files
from pipeline.store.corpus import Corpus
from pipeline.views.status import stage_folders
from pipeline.views.verify import verify_corpus, verify_stage

INTERVAL = "2024-01"


@pytest.fixture(scope="module")
def units() -> Iterator[Counter[str]]:
    """How many units were carried out, by function, each by two processes."""
    with everything_twice() as found:
        yield found


def rows(corpus: Corpus, stage: str) -> dict[str, dict[str, Any]]:
    """The rows of a stage by id."""
    paths = corpus.paths(stage, INTERVAL)
    return {row["id"]: row for path in paths for row in pq.read_table(path).to_pylist()}


def test_two_copies_of_every_unit_up_to_documents(
    sample_root: Path, tmp_path: Path, units: Counter[str]
) -> None:
    """The pages with most karma, from the archive: their rows are those of the whole sample."""
    corpus, whole = Corpus(str(tmp_path)), Corpus(str(sample_root))
    settings = [
        f'corpus.root="{corpus.root}"', "runner.workers=1", "links.min_karma=90",
        'pages.source="warc"', f'pages.warc=["{PAGES}"]',
    ]  # fmt: skip
    build(read_recipe("quickstart", settings), until="documents")
    assert units.keys() >= {"read_source", "merge_range", "index_archive", "look_up_part", "make"}
    links = {page: row for page, row in rows(whole, "links").items() if row["karma"] >= 90}
    assert len(links) > 50 and rows(corpus, "links") == links
    documents = {page: row for page, row in rows(whole, "documents").items() if page in links}
    assert len(documents) > 50 and rows(corpus, "documents") == documents
    for stage in ("links", "pages", "documents"):
        folder = corpus.folder(stage, INTERVAL)
        verify_stage(folder, corpus.require(stage, INTERVAL))
        assert files.leftovers(folder) == []


def test_two_copies_of_every_unit_from_documents_to_shards(
    sample_root: Path, tmp_path: Path, units: Counter[str]
) -> None:
    corpus, expected = Corpus(str(tmp_path / "corpus")), Corpus(str(sample_root))
    made = ("quality", "dedup", "corpus", "tokens", "tokenizers")
    shutil.copytree(sample_root, corpus.root, ignore=lambda _, names: {*names} & {*made})
    settings = [f'corpus.root="{corpus.root}"', "runner.workers=1"]
    build(read_recipe("quickstart", settings), first="quality")
    assert units.keys() >= {
        "sample_or_join", "find_lines", "measure_part", "give_verdicts",  # quality
        # dedup; the sample's pages that pass have no near-duplicates for `decide`
        "sort", "number", "find_firsts", "write_keys", "search_band", "compare", "group",
        "write_slices", "write", "write_clusters",
        "accept_part",  # corpus
        "make_tokenizer", "encode_part", "assemble_shard",  # tokens
    }  # fmt: skip
    verify_corpus(corpus)  # no file is torn: each has the hash that was reported
    for stage, interval, folder in stage_folders(corpus):
        found, wanted = (c.require(stage, interval) for c in (corpus, expected))
        assert (stage, found.fingerprint) == (stage, wanted.fingerprint)
        assert files.leftovers(folder) == []
