"""The links stage: from dumps and lists to one row a page, with its karma and every mention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.engine.stage import Effort, Job, Stage, Total
from pipeline.links.audit import source_lines
from pipeline.links.settings import LinksSettings
from pipeline.links.sources import SourceItem, find_sources
from pipeline.store.forgotten import forgotten
from pipeline.store.manifest import Manifest
from pipeline.store.parts import work_key

if TYPE_CHECKING:
    from pipeline.engine.stage_steps import StageSteps
    from pipeline.store.stage_edit import Removal, StageEdit

#: Of a source, as it is packed, for each page that comes of it: 65 to 140 in months made of few
#: subreddits.
_BYTES_A_PAGE = 200


class LinksStage(Stage):
    """The first stage of a build."""

    name = "links"
    version = "5"
    byte_seconds = 1e-7
    steps = 2

    def settings(self, job: Job) -> LinksSettings:
        """The `[links]` section."""
        return job.section(LinksSettings)

    def inputs(self, job: Job) -> dict[str, str]:
        """Each item of a source by its name, with its fingerprint."""
        return {item.name: item.source.fingerprint(item) for item in self._items(job)}

    def account(self, manifest: Manifest) -> list[str]:
        """What each source held."""
        return source_lines(manifest.audit)

    def effort(self, job: Job) -> Effort:
        """By the bytes of the sources."""
        return Effort(self.total(job).amount * self.byte_seconds, len(self._items(job)), self.steps)

    def pages_ahead(self, job: Job) -> int:
        """As many as small months have; of larger ones they are less, and enough all the same."""
        return self.total(job).amount // _BYTES_A_PAGE

    def total(self, job: Job) -> Total:
        """Bytes to read, as they are packed."""
        return Total(sum(item.source.size(item) for item in self._items(job)), "bytes")

    def remove_pages(self, edit: StageEdit) -> Removal:
        """Rows of links."""
        from pipeline.links.removal import remove_pages

        return remove_pages(edit)

    def plan(self, job: Job) -> StageSteps:
        """Reads every item that is not read yet, then merges."""
        from pipeline.links.mentions import SourceUnit
        from pipeline.links.steps import plan_links

        draft, settings, folder = self.draft(job), self.settings(job), self.folder(job)
        rules = settings.over_18, settings.crossposts
        units = [
            SourceUnit(item, number, folder, self._key(draft, item, settings), *rules)
            for number, item in enumerate(self._items(job))
        ]
        return plan_links(units, folder, settings, draft, forgotten(job.corpus))

    def _items(self, job: Job) -> list[SourceItem]:
        return find_sources(self.settings(job).sources)

    def _key(self, draft: Manifest, item: SourceItem, settings: LinksSettings) -> str:
        """What decides the mentions of an item: not the rules, which come after."""
        reading = sorted(item.source.reading().items())
        content = draft.inputs[item.name]
        rules = settings.over_18, settings.crossposts
        return work_key(draft.code_version, content, item.part, reading, *rules)
