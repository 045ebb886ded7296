"""The cost model: its arithmetic, the sample of a recipe's own input, and the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scorer_models import GOOD, fasttext_model
from support import Run

from pipeline.build.recipe import Recipe, read_recipe
from pipeline.links.settings import LinksSettings
from pipeline.plan import sample
from pipeline.plan.costs import Shape, UnitCosts
from pipeline.plan.plan import BuildPlan, Load, make_plan
from pipeline.plan.sample import sample_links
from pipeline.plan.show_plan import misfits
from pipeline.store.corpus import Corpus

HOUR = 3600


def recipe(*overrides: str) -> Recipe:
    contact = 'pages.contact="mailto:a@example.org"'
    return read_recipe("webtext", [contact, "runner.name=dask", *overrides])


def planned(*overrides: str, links: float = 1e6, **load: float) -> BuildPlan:
    made = Load(links=links, mentions=2 * links, **load)  # type: ignore[arg-type]
    shape = Shape(
        fetched=0.5, page_bytes=1e5, documents=0.8, text_bytes=5e3, accepted=0.5,
        tokens_a_byte=0.2, largest_host=0.01,
    )  # fmt: skip
    costs = UnitCosts(page_seconds=0.001, extract_mb_seconds=1.0, archive_ratio=0.25)
    return make_plan(recipe(*overrides), made, shape, replace(costs, joined_rows=1e7))


@pytest.mark.parametrize(
    ("stage", "value", "wanted"),
    [
        # 500,000 pages of 0.1 MB, 400,000 documents of 5 kB, half of their text accepted
        ("pages", "cpu", 500_000 * 0.001),
        ("documents", "cpu", 500_000 * 0.1),
        ("pages", "disk", 500_000 * 25_000 + 1e6 * UnitCosts().fetch_bytes),
        ("tokens", "disk", 400_000 * 5_000 * 0.5 * 0.2 * 2),
        # 200 groups of 5,000 links with 2,500 pages each: 5 parts a group, two files a part
        ("documents", "files", 200 * 5 * 2),
        ("quality", "files", 200 * 5 * 3),
        ("links", "files", 20),
        ("dedup", "alone", 400_000 * UnitCosts().group_seconds),
        ("dedup", "memory", 0.45e9 + 400_000 * 430),
        # 400,000 documents are one join, which goes through a million links
        ("quality", "cpu", 2_000 * UnitCosts().measure_mb_seconds + 1e6 / 1e7),
        ("quality", "scratch", 400_000 * UnitCosts().joined_bytes),
    ],
)
def test_the_arithmetic(stage: str, value: str, wanted: float) -> None:
    assert getattr(planned().of(stage), value) == pytest.approx(wanted)


def test_intervals_cheapen_joins_and_multiply_comparisons() -> None:
    one, ten = planned(links=1e8), planned(links=1e8, intervals=10)
    # 4e7 documents of 5 kB: 80 joins, or 10 of 8
    measured = 200_000 * UnitCosts().measure_mb_seconds
    joined = [p.of("quality").cpu - measured for p in (one, ten)]
    assert joined == pytest.approx([80 * 1e8 / 1e7, 10 * 8 * 1e7 / 1e7])
    assert ten.of("dedup").alone == pytest.approx(5.5 * one.of("dedup").alone)


def test_passages_and_scorers_are_counted_where_a_recipe_has_them() -> None:
    scorers = [f'quality.scorers.{name}.path="{name}.bin"' for name in ("edu", "dclm")]
    without, with_them = planned(), planned(*scorers, "dedup.passages.enabled=true")
    text = 400_000 * 5_000
    costs = UnitCosts()
    for stage, value, more in [
        ("quality", "disk", 400_000 * 2 * costs.score_bytes),
        ("quality", "files", 200 * 5 * 2),
        ("dedup", "cpu", text / 1e6 * costs.passages_mb_seconds),
        ("dedup", "disk", text * costs.passages_ratio),
        ("dedup", "files", 200 * 5 * 2),
    ]:
        before, after = (getattr(plan.of(stage), value) for plan in (without, with_them))
        assert after - before == pytest.approx(more), (stage, value)


def test_workers_share_what_can_be_shared() -> None:
    one, ten = planned(), planned(workers=10)
    assert ten.of("documents").wall == pytest.approx(one.of("documents").wall / 10)
    assert ten.of("dedup").wall > one.of("dedup").alone
    assert ten.cpu == one.cpu


@pytest.mark.parametrize(
    ("overrides", "load", "memory"),
    [
        # 198 tasks, and 1,000 parts of 300 bytes: next to nothing beside 210 MB, and half as much
        ([], {"workers": 4}, 400e6),
        # 16,454 tasks of 14 kB
        (["runner.dask.partitions=1024"], {"workers": 4}, 700e6),
        # 200,000 parts: 60 MB in the job of a step, five times over
        (["pages.links_a_group=5"], {"workers": 4}, 800e6),
        (["runner.name=local"], {"workers": 1}, 0),
    ],
)
def test_a_scheduler_is_as_large_as_its_graph(
    overrides: list[str], load: dict[str, float], memory: float
) -> None:
    assert planned(*overrides, **load).scheduler == memory


def test_the_largest_host_decides_how_long_a_crawl_takes() -> None:
    # 10,000 links of it, one each 1.5 s: 0.5 for the answer, 1.0 of rest
    assert planned(workers=100).of("pages").wall == pytest.approx(15_000)
    assert planned("pages.delay=3", workers=100).of("pages").wall == pytest.approx(35_000)
    # 100 of the largest host; 100 workers with 1,000 hosts each have asked for all in 15 s
    assert planned("pages.host_pages=100", workers=100).of("pages").wall == pytest.approx(150)
    archived = planned('pages.source="warc"', 'pages.warc=["x"]')
    assert archived.requests == 0 and archived.of("pages").wall == archived.of("pages").cpu


@pytest.mark.parametrize(
    ("overrides", "load", "said"),
    [
        ([], {"links": 1e9}, "set pages.host_pages"),
        ([], {"links": 1e9}, "raise pages.links_a_group"),
        ([], {"links": 1e8}, "take dask"),
        (["runner.dask.memory_limit_mb=1000"], {"links": 1e8}, "dedup: a worker takes"),
        (["runner.dask.memory_limit_mb=300"], {"links": 1e4}, "links: a worker takes 0.5 GB"),
    ],
)
def test_what_does_not_fit_is_said(overrides: list[str], load: dict[str, float], said: str) -> None:
    assert any(said in line for line in misfits(planned(*overrides, **load), recipe(*overrides)))


def test_a_small_plan_fits() -> None:
    assert misfits(planned(links=1e4), recipe()) == []


def test_the_sample_counts_what_the_build_keeps(sample_root: Path) -> None:
    sampled = sample_links(read_recipe("quickstart").links)
    links = Corpus(str(sample_root)).require("links", "2024-01")
    assert sampled.whole and sampled.links == links.counts.kept
    assert sampled.mentions == links.extra["mentions"]
    assert sum(n for _, n in sampled.largest) <= sampled.links


def test_a_large_list_is_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    urls = [f"https://host{n % 500}.example/page/{n:06d}" for n in range(60_000)]
    (tmp_path / "urls.txt").write_text("\n".join(urls))
    pq.write_table(pa.table({"url": urls[:30_000]}), tmp_path / "urls.parquet")
    monkeypatch.setattr(sample, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(sample, "MOST_MENTIONS", 25_000)
    for name, count in (("urls.txt", 60_000), ("urls.parquet", 30_000)):
        source = {"kind": "urls", "path": str(tmp_path / name)}
        sampled = sample_links(LinksSettings.checked({"sources": [source]}, "test"))
        assert not sampled.whole
        assert sampled.links == pytest.approx(count, rel=0.03)
        assert sampled.hosts == 500


def test_the_command_on_the_sample(sample_root: Path, tmp_path: Path, webtext: Run) -> None:
    said = tmp_path / "said.json"
    command = ["--result", str(said), "plan", "quickstart", "--set", f"corpus.root={sample_root}"]
    model = fasttext_model(tmp_path)
    scorers = [f'--set=quality.scorers.mine={{path="{model}",output="{GOOD}"}}',
               '--set=quality.scorers.gone.path="gone.bin"']  # fmt: skip
    done = webtext(*command, "--workers", "2", *scorers)
    assert done.returncode == 0, done.stdout
    for wanted in ("393 links in 1 interval(s), 2 worker(s)", "www.postgresql.org 144",
                   f"from: pages and texts as 2024-01 of {sample_root} has them",
                   "gone.bin does not exist: what scorer gone takes is not counted"):  # fmt: skip
        assert wanted in done.stdout
    tokens = Corpus(str(sample_root)).require("tokens/gpt2", "2024-01").extra
    plan = json.loads(said.read_text())
    (timed,) = [line for line in plan["notes"] if line.startswith("scorer mine: ")]
    seconds = float(timed.split()[2])
    quality = next(stage for stage in plan["stages"] if stage["name"] == "quality")
    assert 0 < 250 * seconds < quality["cpu"]
    real = tokens["train_tokens"] + tokens["validation_tokens"]
    assert plan["tokens"] == pytest.approx(real, rel=0.001)
    archives = sum(f.stat().st_size for f in (sample_root / "pages").rglob("*.warc.gz"))
    assert plan["stages"][1]["disk"] == pytest.approx(archives, rel=0.05)


def test_without_sources_the_number_is_given(webtext: Run) -> None:
    contact = "--set=pages.contact=mailto:a@b.org"
    done = webtext("plan", "corpus", "webtext", contact, "--links=45e6", "--core-hour=0.1")
    assert done.returncode == 0, done.stdout
    for wanted in ("45,000,000 links", "at 0.1 a core hour", "matches no file",
                   "the largest 1,542,261, one every 1.5 s, 26.8 days"):  # fmt: skip
        assert wanted in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["webtext"], "pages.contact is empty"),
        (["webtext", "--set=pages.contact=mailto:a@b.org"], "or say --links N"),
        (["quickstrat"], "No recipe named 'quickstrat'"),
        (["quickstart", "--links", "many"], "'--links'"),
        (["quickstart", "--intervals", "0"], "'--intervals'"),
    ],
)
def test_bad_input_is_said_in_a_line(webtext: Run, arguments: list[str], said: str) -> None:
    done = webtext("plan", *arguments)
    assert done.returncode == 2 and said in done.stdout
    assert "Traceback" not in done.stdout


def test_both_plans_live_side_by_side(webtext: Run) -> None:
    listed = webtext("plan", "--help").stdout
    assert " corpus " in listed and " train " in listed
