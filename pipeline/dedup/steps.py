"""The dedup stage: which documents are duplicates, of which, and how similar.

    evaluation sets -> what an earlier interval would have left
    documents -> signatures, sorted by preference -> keep order of those that passed quality's
    verdicts -> the first document of each text -> candidate pairs by band ->
    pairs close by signature -> components -> shingle sets from text -> decisions ->
    minimizers that pages share -> runs of words from text -> passages that go ->
    duplicate table, table of passages

So no document is removed for one that is not in the corpus.

Each arrow is a step of units that exchange scratch files; only reports on them pass
through Beam.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from pipeline.dedup.batch import Batch, names_of
from pipeline.dedup.clusters import clusters_units, write_clusters
from pipeline.dedup.compare import carry, carry_units, compare, compare_units
from pipeline.dedup.decide import (
    DecideUnit,
    decide,
    slice_units,
    write_slices,
)
from pipeline.dedup.evaluation import (
    evaluation_units,
    sign_evaluation,
)
from pipeline.dedup.group import GroupUnit, group
from pipeline.dedup.keys import keys_units, write_keys
from pipeline.dedup.order import find_firsts, firsts_units, number, number_units
from pipeline.dedup.packed import packed
from pipeline.dedup.passages.decide import cut_units, write_cuts
from pipeline.dedup.passages.minimizers import minimizer_units, write_minimizers
from pipeline.dedup.passages.runs import runs_units, write_runs
from pipeline.dedup.passages.share import ConnectUnit, connect, share_units, write_shared
from pipeline.dedup.search import band_units, search_band
from pipeline.dedup.sort import sort, sort_units
from pipeline.dedup.write import write, write_units
from pipeline.engine.stage_steps import Ending, StageSteps
from pipeline.engine.steps import Make, Step
from pipeline.store.manifest import Manifest, table_of
from pipeline.store.parts import Part


def plan_group(before: Sequence[Part], batch: Batch) -> list[GroupUnit]:
    """The components are one unit."""
    return [GroupUnit(batch, tuple(names_of(before, "forest-")))]


def plan_decide(before: Sequence[Part], batch: Batch) -> list[DecideUnit]:
    """The slices of components."""
    slices = sum(part.extra.get("slices", 0) for part in before)
    edges, sets = tuple(names_of(before, "edges-")), tuple(names_of(before, "sets-"))
    return [DecideUnit(batch, part, slices, edges, sets) for part in range(slices)]


def plan_connect(before: Sequence[Part], batch: Batch) -> list[ConnectUnit]:
    """The pages that share minimizers are one unit."""
    return [ConnectUnit(batch, tuple(names_of(before, "shared-")))]


def steps_of(batch: Batch) -> tuple[Step, ...]:
    """The steps of a run, whose plans take the batch as well."""

    def step(
        name: str, plan: Callable[..., Iterable[Any]], make: Make, *, alone: bool = False
    ) -> Step:
        return Step(name, partial(plan, batch=batch), make, alone)

    # Dealt out where there are several.
    alone = len(batch.evaluation) == 1
    evaluation = (step("Evaluation", evaluation_units, sign_evaluation, alone=alone),)
    passages = (
        step("Minimize", minimizer_units, write_minimizers),
        step("Share", share_units, write_shared),
        step("Connect", plan_connect, connect, alone=True),
        step("Runs", runs_units, write_runs),
        step("Cut", cut_units, write_cuts),
    )
    return (
        *(evaluation if batch.evaluation else ()),
        step("Sign", sort_units, sort),
        step("Order", number_units, number),
        step("Firsts", firsts_units, find_firsts),
        step("Keys", keys_units, write_keys),
        step("Search", band_units, search_band),
        step("Carry", carry_units, carry),
        step("Compare", compare_units, compare),
        step("Group", plan_group, group, alone=True),
        step("Slices", slice_units, write_slices),
        step("Decide", plan_decide, decide),
        *(passages if batch.settings.passages.enabled else ()),
        step("Write", write_units, write),
        step("Clusters", clusters_units, write_clusters, alone=True),
    )


#: What stays; all other files are scratch.
_FINAL = ("part", "register", "signatures", "clusters", "minimizers", "passages")


def is_final(part: Part) -> bool:
    """True for a file that belongs to the stage's result."""
    return part.file is not None and table_of(part.file.name) in _FINAL


def plan_dedup(batch: Batch, draft: Manifest) -> StageSteps:
    """Decides the documents of `batch.sources` after and against its history.

    Several sources in one batch give the same removals as one batch after the other.  Text is read
    by the steps Sign and Slices, and by Minimize and Runs for passages.
    """
    steps = tuple(packed(step, batch) for step in steps_of(batch))
    return StageSteps(steps, Ending(batch.folder, draft, partial(filter, is_final)))
