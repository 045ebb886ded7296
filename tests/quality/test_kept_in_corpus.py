"""Every table that names a page which stays names one of the corpus, whatever happens to months."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from english import documents as english
from quality_corpus import document, link, page, recipe, run, write_table

from pipeline.build.build import ALL_STAGES
from pipeline.dedup.stage import DedupStage
from pipeline.engine.stage import Job
from pipeline.forget.stages import edit_stage
from pipeline.quality.stage import CorpusStage, QualityStage
from pipeline.store.corpus import Corpus
from pipeline.store.schemas import SCHEMAS
from pipeline.views.kept import TABLES, check_kept
from pipeline.views.passages import check_passages

MONTHS = ("2024-01", "2024-02")
STAGES = ("links", "documents", "quality", "dedup", "corpus")
#: Words that break a rule alone.
LIST = " ".join(f"Item{number} costs{number}." for number in range(60))


def text_of(rng: random.Random, article: str, own: str) -> str:
    """An article: copied, edited, quoted on a page of its own, or on one that breaks a rule."""
    edited = article.replace("the", "that", rng.randrange(1, 3))
    return rng.choice([article, edited, f"{own}\n\n{article}", f"{article}\n\n{LIST}", LIST])


def write_month(corpus: Corpus, month: str, rng: random.Random, texts: list[str]) -> None:
    """Of some texts six are articles, the others each page's own."""
    articles, others = texts[:6], texts[6:]
    pages = [
        page(f"https://{month}.org/{n}", text_of(rng, rng.choice(articles), own), karma=n % 7 + 3)
        for n, own in enumerate(others)
    ]
    rows = sorted((document(p) | p for p in pages), key=lambda row: row["id"])
    write_table(corpus, "links", [[link(row) for row in rows]], interval=month)
    rows = [{name: row[name] for name in SCHEMAS["documents"].names} for row in rows]
    write_table(corpus, "documents", [rows], interval=month)


def build(job: Job, months: list[str]) -> None:
    for month in months:
        for stage in (QualityStage(), DedupStage(), CorpusStage()):
            run(stage, replace(job, interval=month))


def named(corpus: Corpus, months: list[str]) -> list[set[str]]:
    """The pages that each table names as the one that stays."""
    return [
        {
            row["kept_id"]
            for month in months
            for path in corpus.paths(stage, month, prefix)
            for row in pq.read_table(path, columns=["kept_id"]).to_pylist()
            if row["kept_id"]
        }
        for stage, prefix in TABLES
    ]


def in_corpus(corpus: Corpus, months: list[str]) -> set[str]:
    paths = [path for month in months for path in corpus.paths("corpus", month)]
    return {i for path in paths for i in pq.read_table(path, columns=["id"])["id"].to_pylist()}


def check(corpus: Corpus, months: list[str]) -> list[set[str]]:
    tables = named(corpus, months)
    assert set().union(*tables) <= in_corpus(corpus, months)
    check_kept(corpus)
    check_passages(corpus)
    return tables


@pytest.mark.system
def test_a_page_that_stays_is_in_the_corpus(tmp_path: Path) -> None:
    rng = random.Random(0)
    texts = [
        text.replace(" near ", " with ").replace(" in ", " of ")
        for text in english(110_000, sentences=30)
    ]
    articles, others = texts[:9], texts[9:]
    assert len(others) > 24
    on: dict[str, Any] = {"passages": {"enabled": True}}
    job = recipe(str(tmp_path / "corpus"), dedup=on).job()
    corpus = job.corpus
    for number, month in enumerate(MONTHS, 1):
        months = list(MONTHS[:number])
        # Some articles are in both months, some are new.
        of_month = articles[3 * number - 3 : 3 * number + 3] + others[number - 1 : 24 : 2]
        write_month(corpus, month, rng, of_month)
        build(job, [month])
        tables = check(corpus, months)
        assert all(tables)
        gone = rng.choice(sorted(tables[0] | tables[1]))
        removed = {gone} | {
            row["id"]
            for m in months
            for path in corpus.paths("dedup", m)
            for row in pq.read_table(path).to_pylist()
            if row["kept_id"] == gone
        }
        for stage in ALL_STAGES:
            for m in months if stage.name in STAGES else []:
                edit_stage(corpus, stage, stage.name, m, frozenset(removed))
        check(corpus, months)
        build(job, months)
        check(corpus, months)
