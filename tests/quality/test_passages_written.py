"""Pages that lost passages: what is written, by which rules, and what each command says of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from english import documents as english
from quality_corpus import INTERVAL, page, recipe, run, table, write_documents

from pipeline.build.build import ALL_STAGES
from pipeline.dedup.stage import DedupStage
from pipeline.engine.stage import Job
from pipeline.forget.forget import pages_without
from pipeline.forget.stages import edit_stage
from pipeline.quality.stage import CorpusStage, QualityStage
from pipeline.store.addresses import page_id
from pipeline.store.corpus import Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.parts import PartWriter, part_key
from pipeline.store.schemas import SCHEMAS
from pipeline.views.kept import check_kept
from pipeline.views.passages import check_passages
from pipeline.views.report import write_report
from pipeline.views.show import select
from pipeline.views.what_if import changed_quality, what_if
from pipeline.views.what_if_text import render
from pipeline.views.why import life_of, render_life

#: The made-up English of the tests has too few stop words for the rules.
ARTICLE, OWN, OTHER, MORE = (
    text.replace(" near ", " with ").replace(" in ", " of ")
    for text in english(16_000, sentences=30)[:4]
)
#: Words that break a rule alone: none of them is a stop word.
LIST = " ".join(f"Item{number} costs{number}." for number in range(60))
#: A digest quotes the article within a text of its own; a list that breaks rules does as well.
PAGES = {
    "whole.org/article": (f"{OWN}\n\n{ARTICLE}", 9),
    "digest.org/day": (f"{OTHER}\n\n{ARTICLE}\n\n{MORE}", 7),
    "list.org/prices": (f"{LIST}\n\n{ARTICLE}", 5),
    "copy.org/article": (ARTICLE, 3),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus with passages, by the stages from quality to corpus. Do not change it."""
    root = tmp_path_factory.mktemp("passages") / "corpus"
    pages = [page(f"https://{key}", text, karma=karma) for key, (text, karma) in PAGES.items()]
    write_documents(str(root), pages)
    job = job_of(root)
    for stage in (QualityStage(), DedupStage(), CorpusStage()):
        run(stage, job)
    return root


def job_of(root: Path) -> Job:
    return recipe(str(root), dedup={"passages": {"enabled": True}}).job()


@pytest.fixture
def job(built: Path, tmp_path: Path) -> Job:
    """A copy of the corpus."""
    shutil.copytree(built, tmp_path / "corpus")
    return job_of(tmp_path / "corpus")


def row(job: Job, stage: str, key: str, prefix: str = "part-") -> dict[str, Any]:
    return table(job, stage, prefix)[page_id(key)]


def test_what_is_written_meets_the_rules_or_is_the_whole_page(job: Job) -> None:
    written = {key: row(job, "corpus", key)["text"] for key in list(PAGES)[:3]}
    assert written["whole.org/article"] == PAGES["whole.org/article"][0]
    assert written["digest.org/day"] == f"{OTHER}\n\n{MORE}"
    assert row(job, "corpus", "digest.org/day")["words"] == len(f"{OTHER} {MORE}".split())
    measured = row(job, "corpus", "digest.org/day", "measurements-")
    assert measured["lines_words"] == len(f"{OTHER} {MORE}".split())
    assert written["list.org/prices"] == PAGES["list.org/prices"][0]
    kept = row(job, "corpus", "list.org/prices", "decisions-")
    assert (kept["kept"], kept["reason"]) == (True, "")
    assert kept["detail"].startswith("keeps its passages: ")
    gone = row(job, "corpus", "copy.org/article", "decisions-")
    assert (gone["reason"], gone["kept_id"]) == ("duplicate_passages", page_id("whole.org/article"))
    manifest = job.corpus.require("corpus", INTERVAL)
    assert (manifest.extra["passages_cut_pages"], manifest.extra["passages_left_pages"]) == (1, 1)


def test_each_command_knows_of_passages(job: Job) -> None:
    corpus, keeper = job.corpus, page_id("whole.org/article")
    said = render_life(life_of(corpus, "https://digest.org/day"))
    assert f"passage that is left out ({INTERVAL})\n  start: {len(OTHER) + 2}\n" in said
    assert f"  kept_id: {keeper}\n" in said
    assert "measurements without its passages" in said
    (shown,) = select(corpus, "passages", where=f"id = '{page_id('digest.org/day')}'", limit=9)
    assert PAGES["whole.org/article"][0][shown["kept_start"] : shown["kept_stop"]] == ARTICLE
    html = Path(write_report(corpus)).read_text()
    assert "<h2>Passages</h2>" in html
    assert "whole.org/article" in html.partition("<h2>Passages</h2>")[2]
    words = len(PAGES["whole.org/article"][0].split())
    changed = changed_quality(corpus, INTERVAL, [f"quality.gopher.max_words={words - 1}"])
    result = what_if(corpus, INTERVAL, *changed)
    assert "get passages back from pages that leave" in render(result)


def test_verify_compares_each_passage(job: Job) -> None:
    corpus = job.corpus
    assert check_passages(corpus) == 2
    assert check_kept(corpus) > 2
    lost = page_id("digest.org/day")
    change(corpus, lost, {"kept_start": 0, "kept_stop": len(ARTICLE)})
    with pytest.raises(WebtextError, match=f"of page {lost} are not those of"):
        check_passages(corpus)
    change(corpus, lost, {"kept_id": lost, "kept_start": len(OTHER) + 2, "kept_stop": 9999})
    with pytest.raises(WebtextError, match=f"Page {lost} lost what page {lost} was cut for"):
        check_passages(corpus)


def change(corpus: Corpus, page: str, values: dict[str, Any]) -> None:
    """Writes other values into the row of a page."""
    for path in corpus.paths("dedup", INTERVAL, "passages-"):
        rows = [r | values if r["id"] == page else r for r in pq.read_table(path).to_pylist()]
        folder, name = path.rsplit("/", 1)
        with PartWriter(folder, name, SCHEMAS["passages"], part_key(path) or "") as writer:
            writer.add(rows)


def test_what_a_forgotten_page_kept_stays_out_until_dedup_is_built_again(job: Job) -> None:
    corpus = job.corpus
    gone = frozenset(map(page_id, ("whole.org/article", "copy.org/article")))
    for stage in ALL_STAGES:
        if stage.name in ("documents", "quality", "dedup", "corpus"):
            edit_stage(corpus, stage, stage.name, INTERVAL, gone)
    assert pages_without(corpus) == {INTERVAL: 2}
    assert check_passages(corpus) == check_kept(corpus) == 0
    assert row(job, "corpus", "digest.org/day")["text"] == f"{OTHER}\n\n{MORE}"
    for stage in (DedupStage(), CorpusStage()):
        run(stage, job)
    assert pages_without(corpus) == {}
    assert row(job, "corpus", "digest.org/day")["text"] == PAGES["digest.org/day"][0]
