"""From a recipe to its plan in words: what is sampled, what is assumed, and what does not fit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from pipeline.build.recipe import Recipe
from pipeline.engine.runners.scheduler_size import CORES
from pipeline.plan.costs import GB, MB, Shape, UnitCosts
from pipeline.plan.plan import BuildPlan, Load, make_plan
from pipeline.plan.sample import SampledLinks, sample_links
from pipeline.plan.time_scorers import time_scorers
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError
from pipeline.store.manifest import Manifest
from pipeline.store.parts import text_bytes

_DAY, _HOUR = 86_400, 3_600
_LONG = 30 * _DAY  # a crawl beyond this is worth a warning
_SHUFFLE = (
    1 * GB
)  # of links in the shuffle, of which an in-process runner holds 5 to 9 times as much
_FILES = 1e6


@dataclass(frozen=True)
class PlanOptions:
    """What the command was asked for; None where the recipe's own input says it."""

    links: float | None = None
    intervals: int = 1
    workers: int = 1
    fetched: float | None = None
    page_kb: float | None = None


def plan_recipe(recipe: Recipe, options: PlanOptions) -> tuple[BuildPlan, list[str]]:
    """The plan, and notes on where its figures come from.

    Raises SettingError where neither sources nor `options` say how many links there are.
    """
    shape, notes = shape_of(Corpus(recipe.corpus.root), Shape())
    sampled = _sampled(recipe, options, notes)
    load = Load(options.links or 0.0, options.links or 0.0)
    if sampled is not None and sampled.links:
        scale = (options.links or sampled.links) / sampled.links
        load = Load(
            links=sampled.links * scale,
            mentions=sampled.mentions * scale,
            posts=sampled.posts * scale,
            comments=sampled.comments * scale,
        )
        share = sampled.largest[0][1] / sampled.links
        shape = replace(shape, largest_host=share)
        notes += _of_sample(sampled)
    if not load.links:
        raise SettingError(
            "The sources of the recipe give no links to plan for", "Say how many: --links 1e6"
        )
    if options.fetched is not None:
        shape = replace(shape, fetched=options.fetched)
    if options.page_kb is not None:
        shape = replace(shape, page_bytes=options.page_kb * 1e3)
    load = replace(load, intervals=options.intervals, workers=options.workers)
    seconds, said = time_scorers(recipe.quality.scorers, shape.text_bytes)
    costs = UnitCosts(scorers_seconds=sum(seconds.values()))
    return make_plan(recipe, load, shape, costs), notes + said


def _sampled(recipe: Recipe, options: PlanOptions, notes: list[str]) -> SampledLinks | None:
    """The sample of the sources; without them, and with --links, none."""
    try:
        return sample_links(recipe.links)
    except SettingError as error:
        if options.links is None:
            raise SettingError(error.what, f"{error.remedy}; or say --links N") from None
        notes.append(
            f"{error.what}: reading it is not counted, and hosts are those of WebText's list"
        )
        return None


def _of_sample(sampled: SampledLinks) -> list[str]:
    how = "all of the sources read" if sampled.whole else "the first megabytes of each source read"
    named = ", ".join(f"{host} {links:,.0f}" for host, links in sampled.largest)
    notes = [f"{how}: {sampled.links:,.0f} links of {sampled.hosts:,} hosts; most: {named}"]
    if sampled.not_asked:
        notes.append(f"not asked, so not counted: {', '.join(sampled.not_asked)}")
    return notes


def shape_of(corpus: Corpus, otherwise: Shape) -> tuple[Shape, list[str]]:
    """What links led to in the last interval that is built to the end; else `otherwise`."""
    built = corpus.intervals("corpus")
    if not built:
        return otherwise, ["pages and texts by published figures; see docs/scale.md"]
    interval = built[-1]
    links, pages, documents = (
        corpus.require(stage, interval) for stage in ("links", "pages", "documents")
    )
    size, accepted = (
        sum(text_bytes(path) for path in corpus.paths(stage, interval))
        for stage in ("documents", "corpus")
    )
    archives = sum(f.bytes for f in pages.entries() if f.name.endswith(".warc.gz"))
    per_page = archives / UnitCosts().archive_ratio / max(pages.counts.kept, 1)
    shape = Shape(
        fetched=_share(pages, links),
        page_bytes=per_page or otherwise.page_bytes,
        documents=_share(documents, pages),
        text_bytes=size / max(documents.counts.kept, 1),
        accepted=accepted / max(size, 1),
        tokens_a_byte=_tokens_a_byte(corpus, interval, accepted) or otherwise.tokens_a_byte,
    )
    return shape, [f"pages and texts as {interval} of {corpus.root} has them"]


def _share(after: Manifest, before: Manifest) -> float:
    return after.counts.kept / max(before.counts.kept, 1)


def _tokens_a_byte(corpus: Corpus, interval: str, text: int) -> float:
    """Of the tokenizer with a finished interval; 0 without."""
    for stage in corpus.token_stages():
        manifest = corpus.manifest(stage, interval)
        if manifest is not None:
            extra = manifest.extra
            return (extra["train_tokens"] + extra["validation_tokens"]) / max(text, 1)
    return 0.0


def misfits(plan: BuildPlan, recipe: Recipe) -> list[str]:
    """What of a plan does not fit the recipe's settings, each with what to change."""
    setting, limit = recipe.runner.chosen().memory_limit() or ("", math.inf)
    lines = [
        f"{stage.name}: a worker takes {stage.memory / GB:,.1f} GB and {setting} is "
        f"{limit / MB:,.0f}: raise it, with fewer workers a machine"
        for stage in plan.stages
        if stage.memory > limit
    ]
    pages, dedup = plan.of("pages"), plan.of("dedup")
    if pages.wall > _LONG and not recipe.pages.host_pages:
        lines.append(
            f"pages: the crawl takes {pages.wall / _DAY:,.0f} days, the largest host alone "
            f"{plan.largest_host * plan.pause / _DAY:,.0f}: set pages.host_pages, or take archives"
        )
    if pages.shuffled > _SHUFFLE:
        lines.append(
            f"pages: {pages.shuffled / GB:,.1f} GB of links are shuffled, of which Beam's "
            "in-process runner holds 5 to 9 times as much in memory: take dask"
        )
    if plan.files > _FILES:
        lines.append(
            f"{plan.files:,.0f} files: raise pages.links_a_group and documents.pages_per_unit, "
            "whose rows a worker holds in memory"
        )
    if dedup.alone > dedup.wall / 2:
        lines.append(
            f"dedup: {dedup.alone / _HOUR:,.0f} hours are of steps that one process does; more "
            "workers do not help, fewer intervals do"
        )
    return lines


def describe(plan: BuildPlan, core_hour: float, gb_month: float) -> list[str]:
    """The plan in lines."""
    load = plan.load
    lines = [
        f"{load.links:,.0f} links in {load.intervals:,} interval(s), {load.workers:,} worker(s)",
        f"{'stage':10}{'CPU hours':>13}{'hours':>11}{'disk GB':>11}{'scratch GB':>12}"
        f"{'files':>11}{'GB a worker':>13}{'shuffled GB':>13}",
    ]
    for s in plan.stages:
        lines.append(
            f"{s.name:10}{s.cpu / _HOUR:13,.2f}{s.wall / _HOUR:11,.2f}{s.disk / GB:11,.2f}"
            f"{s.scratch / GB:12,.2f}{s.files:11,.0f}{s.memory / GB:13,.2f}{s.shuffled / GB:13,.2f}"
        )
    stay = sum(s.disk for s in plan.stages)
    lines.append(
        f"{'all':10}{plan.cpu / _HOUR:13,.2f}{plan.wall / _HOUR:11,.2f}{stay / GB:11,.2f}"
        f"{'':12}{plan.files:11,.0f}"
    )
    lines.append(f"corpus: {plan.documents:,.0f} documents, {plan.tokens:,.0f} tokens")
    if plan.requests:
        lines.append(
            f"hosts: {plan.requests:,.0f} requests and a robots.txt each; the largest "
            f"{plan.largest_host:,.0f}, one every {plan.pause:.1f} s, "
            f"{plan.largest_host * plan.pause / _DAY:,.1f} days"
        )
    if plan.scheduler:
        lines.append(f"scheduler of dask: {CORES} core, {plan.scheduler / GB:,.1f} GB")
    work, keep = plan.cpu / _HOUR * core_hour, plan.disk / GB * gb_month
    lines.append(
        f"money: {work:,.2f} at {core_hour:g} a core hour; {keep:,.2f} a month at {gb_month:g} "
        "a GB (prices are yours to set)"
    )
    return lines
