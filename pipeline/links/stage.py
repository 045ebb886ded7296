"""The links stage: from dumps and lists to one row a page, with its karma and every mention."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import apache_beam as beam

from pipeline.engine.sink import Gather, MakeParts, Units, WriteManifest
from pipeline.engine.stage import Job, Stage, Total
from pipeline.links.audit import source_lines, warnings_of
from pipeline.links.mentions import SourceUnit, read_source
from pipeline.links.merge import MENTIONS_A_PART, Range, merge_range
from pipeline.links.removal import remove_pages
from pipeline.links.settings import LinksSettings
from pipeline.links.sources import SourceItem, find_sources
from pipeline.store.errors import WebtextError
from pipeline.store.forgotten import forgotten
from pipeline.store.manifest import WORK, Manifest
from pipeline.store.parts import Part, unit_key, work_key
from pipeline.store.stage_edit import Removal, StageEdit
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
        self._units, self._folder, self._draft = list(units), folder, draft
        self._plan = partial(plan, folder, settings, draft, forgotten)

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        """One reader a file; then one merger a range of ids."""
        read = root | "Files" >> Units(self._units) | "Read" >> MakeParts(read_source)
        merged = (
            read
            | "All read" >> Gather()
            | "Plan" >> beam.FlatMap(self._plan)
            | "Merge" >> MakeParts(merge_range)
        )
        numbers = read | "Numbers" >> beam.Map(without_scratch)
        return (
            (numbers, merged) | beam.Flatten() | WriteManifest(self._folder, self._draft, _checked)
        )


def plan(
    folder: str,
    settings: LinksSettings,
    draft: Manifest,
    forgotten: Takedown,
    parts: Sequence[Part],
) -> list[Range]:
    """The ranges of ids to merge, by the number of mentions."""
    scratch = [part.file for part in parts if part.file and _is_scratch(part)]
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


def without_scratch(part: Part) -> Part:
    """The report of a scratch file, whose numbers count but which will not be there."""
    return Part(None, part.counts, part.extra, part.audit) if _is_scratch(part) else part


def _is_scratch(part: Part) -> bool:
    return part.file is not None and part.file.name.startswith(f"{WORK}/")


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


class LinksStage(Stage):
    """The first stage of a build."""

    name = "links"
    version = "5"
    unit_seconds = 1e-7

    def settings(self, job: Job) -> LinksSettings:
        """The `[links]` section."""
        return job.section(LinksSettings)

    def inputs(self, job: Job) -> dict[str, str]:
        """Each item of a source by its name, with its fingerprint."""
        return {item.name: item.source.fingerprint(item) for item in self._items(job)}

    def account(self, manifest: Manifest) -> list[str]:
        """What each source held."""
        return source_lines(manifest.audit)

    def total(self, job: Job) -> Total:
        """Bytes to read, as they are packed."""
        return Total(sum(item.source.size(item) for item in self._items(job)), "bytes")

    def remove_pages(self, edit: StageEdit) -> Removal:
        """Rows of links."""
        return remove_pages(edit)

    def transform(self, job: Job) -> Links:
        """Reads every item that is not read yet, then merges."""
        draft, settings, folder = self.draft(job), self.settings(job), self.folder(job)
        rules = settings.over_18, settings.crossposts
        units = [
            SourceUnit(item, number, folder, self._key(draft, item, settings), *rules)
            for number, item in enumerate(self._items(job))
        ]
        return Links(units, folder, settings, draft, forgotten(job.corpus))

    def _items(self, job: Job) -> list[SourceItem]:
        return find_sources(self.settings(job).sources)

    def _key(self, draft: Manifest, item: SourceItem, settings: LinksSettings) -> str:
        """What decides the mentions of an item: not the rules, which come after."""
        reading = sorted(item.source.reading().items())
        content = draft.inputs[item.name]
        rules = settings.over_18, settings.crossposts
        return work_key(draft.code_version, content, item.part, reading, *rules)
