"""Builds a corpus: which stages are stale and why, in what order, and runs them.

A stage is up to date when its settings, the fingerprints of its inputs and its
code version are those of its manifest, and it left nothing over (pages that were
deferred).  Everything else is run again, once, and the reason is said.  Since inputs
are compared by what they say, a stage that was rebuilt with the same result makes
nothing behind it stale.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.build.recipe import Recipe
from pipeline.build.runner_pool import RunnerPool
from pipeline.dedup.stage import DedupStage
from pipeline.documents.stage import DocumentsStage
from pipeline.engine.lean_beam import import_beam
from pipeline.engine.runners.runner_kind import OpenRunner
from pipeline.engine.stage import Effort, Job, Stage
from pipeline.links.stage import LinksStage
from pipeline.pages.stage import PagesStage
from pipeline.quality.stage import CorpusStage, QualityStage
from pipeline.store import files
from pipeline.store.corpus import STAGES, Corpus
from pipeline.store.errors import FullDiskError, SettingError, WebtextError
from pipeline.store.forgotten import refuse_pending
from pipeline.store.lock import locked
from pipeline.store.manifest import (
    PREVIOUS,
    Manifest,
    read_manifest,
    remove_manifest,
    write_manifest,
)
from pipeline.tokens.stage import TokensStage

#: What workers import.
_PRELOADED = "pipeline.build.preloaded"
#: Characters of a setting's value in the reason why a stage is stale.
_LONGEST_VALUE = 80

ALL_STAGES: tuple[Stage, ...] = (
    LinksStage(),
    PagesStage(),
    DocumentsStage(),
    QualityStage(),
    DedupStage(),
    CorpusStage(),
    TokensStage(),
)


@dataclass(frozen=True)
class StageResult:
    """What became of one stage in a build: its manifest, and why it was run (None: it was not)."""

    stage: str
    manifest: Manifest
    reason: str | None


def build(
    recipe: Recipe,
    *,
    first: str | None = None,
    until: str | None = None,
    options: Sequence[str] = (),
    retry: Sequence[str] = (),
    say: Callable[[str], None] = print,
) -> list[StageResult]:
    """Builds the stages of the recipe's interval from `first` to `until`; says so by `say`.

    What comes before `first` is taken as it is, and must be finished.  `options` go to Beam
    as they are; links that ended with one of the outcomes `retry` are asked for again.  Raises
    SettingError for an unknown stage or outcome, WebtextError when a stage fails: what is
    finished stays, and the next build goes on from there.
    """
    stages = ALL_STAGES[_position("--from", first, 0) : _position("--until", until, -1) + 1]
    if not stages:
        raise SettingError(f"--from {first} comes after --until {until}", "Swap them")
    corpus = Corpus(recipe.corpus.root)
    refuse_earlier_interval(corpus, recipe.corpus.interval)
    results: list[StageResult] = []
    with (
        locked(corpus.root, recipe.corpus.lease_seconds, say=say) as lease,
        RunnerPool(recipe.runner, options, recipe.corpus.root, [_PRELOADED]) as pool,
    ):
        refuse_pending(corpus)
        for stage in stages:
            stage.check(recipe.job(retry))
        for number, stage in enumerate(stages):
            job = replace(recipe.job(retry), lease=lease)
            reason = stale_reason(stage, job)
            if reason is not None:
                say(f"{stage.name}: {reason}")
                import_beam()
                _expect(pool, stage, stages[number + 1 :], job)
                runner, workers = pool.runner_for(stage.effort(job))
                run_stage(stage, replace(job, workers=workers), runner)
            elif lease:
                lease.confirm()  # or what another build has made meanwhile looks like ours
            manifest = _finished(stage, job)
            results.append(StageResult(stage.name, manifest, reason))
            say(f"{stage.name}: {'done' if reason else 'up to date'}, {summary(manifest)}")
    for stage, result in zip(stages, results, strict=True):
        for line in (*stage.account(result.manifest), *warning_lines(stage.name, result.manifest)):
            say(line)
    return results


def _finished(stage: Stage, job: Job) -> Manifest:
    manifest = read_manifest(stage.folder(job))
    if manifest is None:
        raise WebtextError(
            f"Stage {stage.name} left no manifest in {stage.folder(job)}", "Build again"
        )
    return manifest


def _position(option: str, stage: str | None, default: int) -> int:
    """Which of the stages, in their order, a name is; `default` where none is given."""
    if stage is None:
        return range(len(STAGES))[default]
    if stage not in STAGES:
        raise SettingError(f"{option} {stage}: no such stage", f"One of: {', '.join(STAGES)}")
    return STAGES.index(stage)


def stale_reason(stage: Stage, job: Job) -> str | None:
    """Why the stage must be run, in words; None when it is up to date."""
    folder = stage.folder(job)
    manifest = read_manifest(folder)
    draft = stage.draft(job)
    if manifest is None:
        begun = bool(files.listed(folder, "*"))
        return "goes on where it stopped" if begun else "not built yet"
    if manifest.settings_hash != draft.settings_hash:
        return f"settings changed: {', '.join(_changes(manifest.settings, draft.settings))}"
    if manifest.code_version != draft.code_version:
        return f"code changed: {manifest.code_version} -> {draft.code_version}"
    changed = [
        name
        for name in sorted(manifest.inputs.keys() | draft.inputs.keys())
        if manifest.inputs.get(name) != draft.inputs.get(name)
    ]
    return f"input changed: {', '.join(changed)}" if changed else stage.left_over(job, manifest)


def run_stage(stage: Stage, job: Job, runner: OpenRunner) -> None:
    """Runs one stage and shows its progress; when it fails, the build before is there again."""
    from pipeline.engine.show_progress import watch  # noqa: PLC0415  # imports rich

    folder = stage.folder(job)
    job = replace(job, runner=runner.name)
    transform, total = stage.transform(job), stage.total(job)
    if job.lease:
        job.lease.confirm()
    files.make_folder(folder)
    set_aside(folder)
    try:
        with watch(stage.name, folder, total, runner.activity):
            runner.run(transform, stage.name)
    except (FullDiskError, KeyboardInterrupt):
        raise  # the new files stay: the next build goes on from them
    except BaseException:
        if _is_ours(job):
            _put_back(folder)
        raise


def _is_ours(job: Job) -> bool:
    """Whether no other build has taken the corpus meanwhile."""
    try:
        if job.lease:
            job.lease.confirm()
    except (WebtextError, OSError):
        return False
    return True


def summary(manifest: Manifest) -> str:
    """The counts of a stage in one line."""
    counts = manifest.counts
    drops = sorted(counts.dropped.items(), key=lambda item: (-item[1], item[0]))
    text = f"{counts.seen:,} in, {counts.kept:,} kept"
    if drops:
        text += f" ({', '.join(f'{n:,} {reason}' for reason, n in drops[:6])})"
    return f"{text}, {manifest.seconds:.1f} s"


def warning_lines(stage: str, manifest: Manifest) -> list[str]:
    """The warnings of a finished stage, a line each."""
    return [f"warning: {stage} {manifest.interval}: {warning}" for warning in manifest.warnings]


def plain_results(results: Iterable[StageResult]) -> dict[str, Any]:
    """Of each stage of a build: counts, fingerprint, warnings, and why it was run (None: not)."""
    return {
        result.stage: {
            **result.manifest.counts.model_dump(by_alias=True),
            "fingerprint": result.manifest.fingerprint,
            "reason": result.reason,
            "warnings": result.manifest.warnings,
        }
        for result in results
    }


def refuse_earlier_interval(corpus: Corpus, interval: str) -> None:
    """Intervals are append-only: a new one must come after all that are built.

    One that others were built upon is not new, though its manifest may have been removed to make
    anew what is damaged.
    """
    built = corpus.intervals("dedup")
    upon = {name for other in built for name in corpus.require("dedup", other).inputs}
    if built and interval < built[-1] and interval not in built and f"dedup/{interval}" not in upon:
        raise SettingError(
            f"Interval {interval} comes before {built[-1]}, which is built already",
            "Intervals are added in order, since each is deduplicated against those before; "
            "name it later, or build it in another corpus root",
        )


def _expect(pool: RunnerPool, stage: Stage, later: Sequence[Stage], job: Job) -> None:
    """Tells what the dearest of the later stages will take, as far as the stage lets it know."""
    pages = stage.pages_ahead(job)
    seconds = max((one.page_seconds for one in later), default=0.0)
    warm_ups = [warm_up for one in later if (warm_up := one.warm_up(job))]
    pool.expect(Effort(pages * seconds, pages), warm_ups)


def set_aside(folder: str) -> None:
    """Takes the old manifest away, so that a killed run is not taken for a finished stage.

    On a disk its files get a second name, which costs nothing: new files take the
    place of the old names and leave the old content as it is.
    """
    old = read_manifest(folder)
    aside = files.join(folder, PREVIOUS)
    if old is None:
        return
    files.remove(aside)
    files.make_folder(aside)
    for entry in [] if files.is_remote(folder) else old.entries():
        os.link(*(files.local_path(files.join(where, entry.name)) for where in (folder, aside)))
    write_manifest(aside, old)
    remove_manifest(folder)


def _put_back(folder: str) -> None:
    """Brings the stage back as it was; where that cannot be, it stays unfinished."""
    aside = files.join(folder, PREVIOUS)
    old = read_manifest(aside)
    if old is None:
        return
    for entry in old.entries():
        path, kept = files.join(folder, entry.name), files.join(aside, entry.name)
        if files.exists(path) and files.sha256(path) == entry.sha256:
            continue
        if files.is_remote(folder) or not files.exists(kept):
            return
        files.move(kept, path)
    write_manifest(folder, old)
    files.remove(aside)


def _changes(old: object, new: object, name: str = "") -> list[str]:
    """`threshold 0.8 -> 0.7` for each value that differs, by its place in the recipe."""
    if isinstance(old, dict) and isinstance(new, dict):
        changes: list[str] = []
        for key in sorted(old.keys() | new.keys()):
            changes += _changes(old.get(key), new.get(key), f"{name}.{key}" if name else key)
        return changes
    return [] if old == new else [f"{name} {_short(old)} -> {_short(new)}"]


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
