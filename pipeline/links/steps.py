"""The steps of the links stage: read every source, then merge ranges of ids."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pipeline.engine.stage_steps import Ending, StageSteps
from pipeline.engine.steps import Step, all_of, without_scratch
from pipeline.links.audit import warnings_of
from pipeline.links.mentions import SourceUnit, read_source
from pipeline.links.merge import MENTIONS_A_PART, Range, merge_range
from pipeline.links.settings import LinksSettings
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import WORK, Manifest
from pipeline.store.parts import Part, unit_key
from pipeline.store.takedown import NOTHING, Takedown


def plan_links(
    units: Sequence[SourceUnit],
    folder: str,
    settings: LinksSettings,
    draft: Manifest,
    forgotten: Takedown = NOTHING,
) -> StageSteps:
    """One reader a file; then one merger a range of ids."""
    steps = (
        Step("Read", partial(all_of, tuple(units)), read_source),
        Step("Merge", partial(plan_ranges, folder, settings, draft, forgotten), merge_range),
    )
    return StageSteps(steps, Ending(folder, draft, partial(map, without_scratch), _checked))


def plan_ranges(
    folder: str,
    settings: LinksSettings,
    draft: Manifest,
    forgotten: Takedown,
    parts: Sequence[Part],
) -> list[Range]:
    """The ranges of ids to merge, by the number of mentions."""
    scratch = [part.file for part in parts if part.file]
    mentions = [entry for entry in scratch if entry.name.startswith(f"{WORK}/mentions-")]
    threads = [entry for entry in scratch if entry.name.startswith(f"{WORK}/threads-")]
    of = max(1, -(-sum(entry.rows for entry in mentions) // MENTIONS_A_PART))
    names = tuple(sorted(entry.name for entry in mentions))
    marked = tuple(sorted(entry.name for entry in threads if entry.rows))
    left_out = [sorted(forgotten.entries())] if forgotten else []
    key = unit_key(draft, of, *left_out)
    return [
        Range(number, of, names, marked, folder, key, settings, forgotten) for number in range(of)
    ]


def _checked(manifest: Manifest) -> Manifest:
    """Refuses an empty result; says what a user should know of one."""
    warnings = warnings_of(manifest)
    if manifest.counts.kept == 0:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in manifest.counts.dropped.items())
        raise WebtextError(
            f"Stage links keeps none of {manifest.counts.seen:,} addresses ({reasons or 'none'})",
            ". ".join([*warnings, "Check links.sources, and lower links.min_karma if it is that"]),
        )
    return manifest.model_copy(update={"warnings": warnings})
