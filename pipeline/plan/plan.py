"""`webtext plan`: what a recipe will cost, before it is built: arithmetic on measured unit costs.

Links come from the recipe's own sources (`sample.py`) or are given; what they lead to comes
from the corpus where intervals are built already, else from published figures (`Shape`); what
a unit costs from `UnitCosts`.  The rest is multiplication, stage by stage, over all intervals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipeline.build.recipe import Recipe
from pipeline.links.merge import MENTIONS_A_PART
from pipeline.plan.costs import MB, Shape, UnitCosts
from pipeline.quality.join import DOCUMENTS_A_UNIT

_UNIT_BYTES = 2_000  # a unit of work and the report of its part in a shuffle, pickled
_NAME_BYTES = 300  # of a part in the plan of a step of dedup (pipeline/dedup/packed.py)
_SHARD_COPIES = 3  # of a shard's tokens in memory while it is put together


@dataclass(frozen=True)
class Load:
    """How much there is to do, and with what."""

    links: float
    mentions: float
    posts: float = 0.0
    comments: float = 0.0
    """Lines of dumps, or of lists; 0 where there is nothing to sample."""
    intervals: int = 1
    workers: int = 1
    answer: float = 0.5
    """Seconds that a host takes for an answer."""


@dataclass(frozen=True)
class StagePlan:
    """One stage over all intervals: processor seconds, seconds on the workers, bytes, files."""

    name: str
    cpu: float
    disk: float
    files: float
    alone: float = 0.0
    """Of the processor seconds, those of steps that one process does."""
    wall: float = 0.0
    scratch: float = 0.0
    """Bytes while an interval is built, gone afterwards."""
    memory: float = 0.0
    """Of the largest worker."""
    shuffled: float = 0.0


@dataclass(frozen=True)
class BuildPlan:
    """The whole: stages in order, and what the hosts see of it."""

    load: Load
    stages: tuple[StagePlan, ...]
    documents: float
    tokens: float
    requests: float
    """0 where pages are not crawled."""
    largest_host: float
    """Requests to the host with the most links."""
    pause: float
    """Seconds from one request to a host to the next."""
    scheduler: int = 0
    """Bytes of memory of the process that hands tasks to workers; 0: the runner has none."""

    def of(self, name: str) -> StagePlan:
        """A stage by its name."""
        return next(stage for stage in self.stages if stage.name == name)

    @property
    def cpu(self) -> float:
        """Processor seconds of all stages."""
        return sum(stage.cpu for stage in self.stages)

    @property
    def wall(self) -> float:
        """Seconds from start to end, one stage after the other."""
        return sum(stage.wall for stage in self.stages)

    @property
    def disk(self) -> float:
        """Bytes that stay, and the most scratch beside them."""
        return sum(s.disk for s in self.stages) + max(s.scratch for s in self.stages)

    @property
    def files(self) -> float:
        """Files that stay."""
        return sum(stage.files for stage in self.stages)


class Volumes:
    """How much of everything a load gives: the multiplication that all stages share."""

    def __init__(self, recipe: Recipe, load: Load, shape: Shape, costs: UnitCosts) -> None:
        self.recipe, self.load, self.shape, self.costs = recipe, load, shape, costs
        self.pages = load.links * shape.fetched
        self.documents = self.pages * shape.documents
        self.text = self.documents * shape.text_bytes
        self.accepted = self.text * shape.accepted
        self.tokens = self.accepted * shape.tokens_a_byte
        self.archives = self.pages * shape.page_bytes * costs.archive_ratio
        per_interval = load.links / load.intervals
        self.groups = load.intervals * max(8, math.ceil(per_interval / recipe.pages.links_a_group))
        each = self.pages / self.groups / recipe.documents.pages_per_unit
        self.parts = self.groups * max(1.0, each)
        #: Comparisons grow with the intervals: each goes through the signatures of all before it.
        self.searched = self.documents * (load.intervals + 1) / 2
        pages = recipe.pages
        rest = max(pages.delay, pages.delay_factor * load.answer) if pages.delay else 0.0
        self.pause = load.answer + rest


def make_plan(recipe: Recipe, load: Load, shape: Shape, costs: UnitCosts) -> BuildPlan:
    """The cost of building a recipe over `load`."""
    v = Volumes(recipe, load, shape, costs)
    stages = (_links(v), _pages(v), _documents(v), _quality(v), _dedup(v), _corpus(v), _tokens(v))
    crawled = load.links if recipe.pages.chosen_source().crawls else 0.0
    return BuildPlan(
        load=load,
        stages=tuple(_on_workers(stage, v) for stage in stages),
        documents=v.documents * shape.accepted,
        tokens=v.tokens,
        requests=crawled,
        largest_host=crawled * shape.largest_host,
        pause=v.pause,
        scheduler=recipe.runner.chosen().scheduler_memory(load.workers, v.parts * _NAME_BYTES),
    )


def _on_workers(stage: StagePlan, v: Volumes) -> StagePlan:
    """Fills in what follows from the number of workers and files."""
    load = v.load
    shared = (stage.cpu - stage.alone) / load.workers + stage.alone
    return StagePlan(
        name=stage.name,
        cpu=stage.cpu,
        disk=stage.disk,
        files=stage.files,
        alone=stage.alone,
        wall=max(stage.wall, shared),
        scratch=stage.scratch / load.intervals,
        memory=v.costs.worker_memory + stage.memory,
        shuffled=stage.shuffled + stage.files * _UNIT_BYTES,
    )


def _links(v: Volumes) -> StagePlan:
    load, c = v.load, v.costs
    lines = load.posts * c.post_seconds + load.comments * c.comment_seconds
    return StagePlan(
        "links",
        cpu=lines + load.mentions * c.mention_seconds,
        disk=load.links * c.link_bytes,
        files=max(load.intervals, load.mentions / MENTIONS_A_PART),
        scratch=load.mentions * c.mention_scratch,
    )


def _pages(v: Volumes) -> StagePlan:
    pages, load, c = v.recipe.pages, v.load, v.costs
    segments = max(v.groups, v.archives / (pages.segment_mb << 20))
    wall = 0.0
    if pages.chosen_source().crawls:
        # The crawl ends when its largest host does, or when all workers have asked for all.
        largest = load.links * v.shape.largest_host / load.intervals
        largest = min(largest, pages.host_pages or largest) * load.intervals
        at_once = pages.hosts_at_once * load.workers
        wall = v.pause * max(largest, load.links / at_once)
    return StagePlan(
        "pages",
        cpu=v.pages * c.page_seconds,
        disk=v.archives + load.links * c.fetch_bytes,
        files=v.groups + segments,
        wall=wall,
        shuffled=load.links * c.shuffled_bytes,
    )


def _documents(v: Volumes) -> StagePlan:
    html = v.pages * v.shape.page_bytes / MB
    return StagePlan(
        "documents",
        cpu=html * v.costs.extract_mb_seconds,
        disk=v.text * v.costs.text_ratio,
        files=2 * v.parts,
        scratch=v.pages * v.costs.fetch_bytes,
    )


def _quality(v: Volumes) -> StagePlan:
    """The links of an interval are gone through once for each join of its documents."""
    c, intervals = v.costs, v.load.intervals
    joins = math.ceil(v.documents / intervals / DOCUMENTS_A_UNIT)
    scorers = len(v.recipe.quality.scorers)
    return StagePlan(
        "quality",
        cpu=v.text / MB * c.measure_mb_seconds
        + v.documents * c.scorers_seconds
        + joins * v.load.links / c.joined_rows,
        disk=v.documents * (c.measure_bytes + scorers * c.score_bytes),
        files=(3 + scorers) * v.parts,  # measurements, cuts, verdicts, and scores
        scratch=v.documents * c.joined_bytes,
    )


def _dedup(v: Volumes) -> StagePlan:
    c, alone = v.costs, v.searched * v.costs.group_seconds
    passages = v.recipe.dedup.passages.enabled
    text_seconds = c.sign_mb_seconds + passages * c.passages_mb_seconds
    sorted_in_memory = min(v.documents * c.dedup_sorted, c.dedup_most)
    return StagePlan(
        "dedup",
        cpu=v.text / MB * text_seconds + v.searched * c.search_seconds + alone,
        alone=alone,
        disk=v.documents * c.signature_bytes + passages * v.text * c.passages_ratio,
        files=(4 if passages else 2) * v.parts + 2 * v.load.intervals,
        scratch=v.documents * c.dedup_scratch,
        memory=sorted_in_memory + passages * v.documents * c.passages_index,
    )


def _corpus(v: Volumes) -> StagePlan:
    return StagePlan(
        "corpus",
        cpu=v.text / MB * v.costs.decide_mb_seconds,
        disk=v.accepted * v.costs.accepted_ratio,
        files=2 * v.parts,
    )


def _tokens(v: Volumes) -> StagePlan:
    c, settings = v.costs, v.recipe.tokens
    size = v.tokens * c.token_bytes
    of = v.load.intervals * settings.shards or math.ceil(v.tokens / settings.shard_tokens)
    return StagePlan(
        "tokens",
        cpu=v.accepted / MB * c.encode_mb_seconds,
        disk=size,
        files=4.0 * max(of, v.load.intervals),  # .bin, two .idx and the table of documents
        scratch=size,
        memory=_SHARD_COPIES * size / max(of, 1),
    )
