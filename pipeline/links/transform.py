"""The Beam transform of the links stage: read every source, then merge ranges of ids."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import apache_beam as beam

from pipeline.engine.sink import Steps, WriteManifest
from pipeline.engine.steps import Step, all_of, without_scratch
from pipeline.links.audit import warnings_of
from pipeline.links.mentions import SourceUnit, read_source
from pipeline.links.merge import MENTIONS_A_PART, Range, merge_range
from pipeline.links.settings import LinksSettings
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import WORK, Manifest
from pipeline.store.parts import Part, unit_key
from pipeline.store.takedown import NOTHING, Takedown


class Links(beam.PTransform):
    """From source files to links: root in, one Manifest out."""

    def __init__(
        self,
        units: Sequence[SourceUnit],
        folder: str,
        settings: LinksSettings,
        draft: Manifest,
        forgotten: Takedown = NOTHING,
    ) -> None:
        super().__init__()
        self._folder, self._draft = folder, draft
        self._steps = (
            Step("Read", partial(all_of, tuple(units)), read_source),
            Step("Merge", partial(plan, folder, settings, draft, forgotten), merge_range),
        )

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        """One reader a file; then one merger a range of ids."""
        parts = root | Steps(self._steps) | "Result" >> beam.Map(without_scratch)
        return parts | WriteManifest(self._folder, self._draft, _checked)


def plan(
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
