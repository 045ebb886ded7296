"""Step -> samples -> documents -> links, by the command."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from token_corpora import corpus_table, numbered_corpus
from trainer_runs import train_arguments, webtext

from pipeline.store.schemas import SCHEMAS
from trainer.run.browse import RunsBelow
from trainer.run.exposure import runs_that_saw
from trainer.run.run import RunFolder
from trainer.run.trace import trace


def test_a_step_leads_to_the_posts_that_brought_its_text(tokens: Path, tmp_path: Path) -> None:
    tokenizer = (tokens.parent.parent / "tokenizers" / "gpt2" / "tokenizer.json").read_text()
    data = numbered_corpus(tmp_path, [6000, 5000], tokenizer=tokenizer, modulo=1000)
    table = pq.read_table(data / "2024-01" / "documents-00000-of-00001.parquet")
    owners = {(r["shard"], r["start"]): r["id"] for r in table.to_pylist()}
    mention = {"kind": "post", "subreddit": "news", "score": 12, "created": 0}
    links = [
        {"id": i, "mentions": [mention | {"reddit_id": f"t3_{i[:6]}"}]} for i in owners.values()
    ]
    corpus_table(tmp_path, "links", pa.Table.from_pylist(links, schema=_only("id", "mentions")))
    pages = [{"id": i, "url": f"https://example.org/{i}"} for i in owners.values()]
    corpus_table(tmp_path, "corpus", pa.Table.from_pylist(pages))
    out = tmp_path / "run"
    webtext(*train_arguments(data, out, train__steps=3, schedule__warmup=1))

    said = [line.split("\t") for line in webtext("trace", str(out), "--step", "2").splitlines()]
    assert {int(sample) for sample, *_ in said} == set(range(8, 16))
    for sample in range(8, 16):
        mine = [row for row in said if int(row[0]) == sample]
        assert sum(int(row[2]) for row in mine) == 65
        for _, identity, _, url, posts in mine:
            assert identity in owners.values() and url == f"https://example.org/{identity}"
            assert posts == f"r/news t3_{identity[:6]} 12"
    one = webtext("trace", str(out), "--step", "2", "--sample", "9").splitlines()
    assert [line.split("\t") for line in one] == [row for row in said if row[0] == "9"]

    # What `webtext forget --runs` asks: all documents of the three steps, and no other.
    run = RunFolder(out)
    seen = {source.id for step in (1, 2, 3) for source in trace(run, step)}
    assert seen < set(owners.values())
    shown = RunsBelow(str(tmp_path)).documents("run", 2)
    assert shown == [asdict(source) for source in trace(run, 2)]
    told = list(runs_that_saw(str(tmp_path), str(tmp_path), set(owners.values())))
    assert [(found["run"], set(found["saw"])) for found in told] == [(str(out), seen)]
    assert not list(runs_that_saw(str(tmp_path), str(tmp_path / "other"), seen))
    shutil.rmtree(data)
    (gone,) = runs_that_saw(str(tmp_path), str(tmp_path), seen)
    assert gone["saw"] is None and "cannot be told" in gone["said"]


def _only(*names: str) -> pa.Schema:
    return pa.schema([SCHEMAS["links"].field(name) for name in names])
