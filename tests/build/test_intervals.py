"""Intervals are appended: what was built stays, what was fetched or kept before is not again."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
from support import Run, sample_settings

from pipeline.sample import COMMENTS, POSTS
from pipeline.store.corpus import Corpus


def source(kind: str, path: Path) -> str:
    return f'--set=links.sources=[{{kind="reddit-dump", {kind}="{path}"}}]'


def ids(corpus: Corpus, stage: str, interval: str, prefix: str = "part-") -> set[str]:
    tables = [pq.read_table(p, columns=["id"]) for p in corpus.paths(stage, interval, prefix)]
    return {page for table in tables for page in table["id"].to_pylist()}


def test_a_second_interval_adds_to_the_first(tmp_path: Path, webtext: Run, replay: str) -> None:
    root = tmp_path / "a corpus [x] of a::b? ü #1 50%20*"
    common = ["build", "quickstart", *sample_settings(root, replay), "--workers=1"]
    first = [*common, source("posts", POSTS), "--interval=2024-01"]
    second = [*common, source("comments", COMMENTS), "--interval=2024-02"]
    assert webtext(*first).returncode == 0
    corpus = Corpus(str(root))
    before = {s: corpus.require(s, "2024-01") for s in ("corpus", "dedup", "tokens/gpt2")}
    tokenizer = (root / "tokenizers/gpt2/tokenizer.json").read_bytes()

    done = webtext(*second)
    assert done.returncode == 0, done.stdout
    assert {s: corpus.require(s, "2024-01") for s in before} == before
    assert (root / "tokenizers/gpt2/tokenizer.json").read_bytes() == tokenizer
    pages = corpus.require("pages", "2024-02").counts
    assert pages.dropped["seen_before"] > 10
    assert not ids(corpus, "documents", "2024-01") & ids(corpus, "documents", "2024-02")

    # Copies at the mirror of pages that the first interval kept are duplicates of those.
    rows = [row for p in corpus.paths("dedup", "2024-02") for row in pq.read_table(p).to_pylist()]
    assert {row["kept_id"] for row in rows} & ids(corpus, "corpus", "2024-01")
    assert webtext("verify", str(root)).returncode == 0
    assert "Nothing to do" in webtext(*first).stdout
    assert "Nothing to do" in webtext(*second).stdout
