"""Token shards of a few texts, by the stage itself, for tests of what stands upon them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from quality_corpus import document, page, run
from token_corpora import corpus_table

from pipeline.build.recipe import Recipe
from pipeline.store.schemas import SCHEMAS
from pipeline.tokens.stage import TokensStage


def tokenize(
    root: Path, texts: Mapping[str, str], interval: str = "2024-01", **tokens: object
) -> None:
    """An interval whose corpus has these texts by address, and its shards, `tokens/gpt2`."""
    columns = SCHEMAS["corpus"].names
    rows = [document(page(url, text)) | {"karma": 5} for url, text in texts.items()]
    rows = sorted(({name: row[name] for name in columns} for row in rows), key=lambda r: r["id"])
    corpus_table(root, "corpus", pa.Table.from_pylist(rows, schema=SCHEMAS["corpus"]), interval)
    sections = {
        "corpus": {"root": str(root), "interval": interval},
        "links": {"sources": [{"kind": "urls", "path": "urls.tsv"}]},
        "pages": {"source": "warc", "warc": ["pages.warc.gz"]},
        "tokens": {"vocab_size": 300} | tokens,
    }
    run(TokensStage(), Recipe.checked(sections, "test").job())


def splits(root: Path, interval: str = "2024-01") -> dict[str, str]:
    """The split of each document, by id."""
    tables = sorted((root / "tokens/gpt2" / interval).glob("documents-*"))
    rows = [row for path in tables for row in pq.read_table(path).to_pylist()]
    return {row["id"]: row["shard"].split("-")[0] for row in rows}
