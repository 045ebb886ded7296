"""The pages stage: every link fetched once, or found in an archive, with one outcome each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.engine.stage import Effort, Job, Stage, Total
from pipeline.pages.outcomes import Outcome
from pipeline.pages.page_source import FIRST, PagesRun
from pipeline.pages.refetch import RULES, key_of, outcomes_named, patience_of, plan_rerun
from pipeline.pages.settings import PagesSettings
from pipeline.pages.waiting import waiting_links
from pipeline.store import files
from pipeline.store.blocklist import AddressRules
from pipeline.store.manifest import PREVIOUS, Manifest, read_manifest
from pipeline.store.parts import Part, work_key

if TYPE_CHECKING:
    from pipeline.engine.stage_steps import StageSteps
    from pipeline.store.stage_edit import Removal, StageEdit


class PagesStage(Stage):
    """From links to archived pages."""

    name = "pages"
    version = "4"
    byte_seconds = 3.3e-8  # of an archive that pages are taken from
    page_seconds = 0.0023  # crawled
    steps = 3

    def settings(self, job: Job) -> PagesSettings:
        """The `[pages]` section."""
        return job.section(PagesSettings)

    def inputs(self, job: Job) -> dict[str, str]:
        """The links, and each archive or file of an index by its name."""
        links = job.corpus.require("links", job.interval)
        own = {"links": links.fingerprint, RULES: work_key(self.rules(job).identity())}
        return self.settings(job).chosen_source().inputs() | own

    def remove_pages(self, edit: StageEdit) -> Removal:
        """Rows of fetch tables, and records of the crawl's archives."""
        from pipeline.pages.removal import remove_pages

        return remove_pages(edit)

    def rules(self, job: Job) -> AddressRules:
        """The rules of the links stage for addresses, which hold for redirects as well."""
        return AddressRules.of(job.corpus.require("links", job.interval).settings)

    def left_over(self, job: Job, manifest: Manifest) -> str | None:
        """Links that a budget did not reach, whose host asked to wait, that `--retry` names, or
        that ended by a passing fault whose time has come."""
        dropped = manifest.counts.dropped
        deferred = dropped.get(Outcome.DEFERRED.value, 0)
        named = {name: dropped.get(name, 0) for name in sorted(outcomes_named(job.retry))}
        reasons = [f"deferred by the run before: {deferred:,}"] if deferred else []
        if any(named.values()):
            listed = ", ".join(f"{number:,} {name}" for name, number in named.items() if number)
            reasons.append(f"asked for again: {listed}")
        waiting = waiting_links(job.corpus, job.interval, manifest, patience_of(self.settings(job)))
        if waiting.due:
            reasons.append(f"passing faults that are due: {waiting.due:,}")
        return "; ".join(reasons) or None

    def effort(self, job: Job) -> Effort:
        """By the links of a crawl, or by the bytes of archives."""
        source, links = self.settings(job).chosen_source(), self.total(job).amount
        if source.crawls:
            return Effort(links * self.page_seconds, links, self.steps)
        paths = source.files()
        seconds = sum(files.size(path) for path in paths) * self.byte_seconds
        return Effort(seconds, len(paths), self.steps)

    def total(self, job: Job) -> Total:
        """Links to end."""
        return Total(job.corpus.require("links", job.interval).counts.kept, "links")

    def pages_ahead(self, job: Job) -> int:
        """At most as many as there are links."""
        return self.total(job).amount

    def plan(self, job: Job) -> StageSteps:
        """The steps of the source, then of the Wayback Machine."""
        from pipeline.pages.steps import plan_pages
        from pipeline.pages.wayback import Rescue

        settings, (run, draft) = self.settings(job), self._begin(job)
        fallback = (
            Rescue(run.folder, run.key, run.links, settings, run.until, rerun=run.rerun)
            if settings.wayback
            else None
        )
        return plan_pages(settings.chosen_source().steps(run), run.folder, draft, fallback)

    def groups(self, job: Job) -> int:
        """How many groups of links can be ended by themselves; 0: the source knows none."""
        return self.settings(job).chosen_source().groups(self._begin(job)[0])

    def end_group(self, job: Job, number: int) -> Sequence[Part]:
        """Ends the links of one group in this process."""
        return self.settings(job).chosen_source().end_group(self._begin(job)[0], number)

    def _begin(self, job: Job) -> tuple[PagesRun, Manifest]:
        """What the source is told, and the manifest before the work."""
        folder, settings, rules = self.folder(job), self.settings(job), self.rules(job)
        rerun, draft = plan_rerun(
            build_before(folder),
            self.draft(job),
            rules=rules,
            patience=patience_of(settings),
            named=outcomes_named(job.retry),
        )
        earlier = (
            path
            for interval in job.corpus.intervals_before("pages", job.interval)
            for path in job.corpus.paths("pages", interval, "fetches-")
        )
        run = PagesRun(
            folder,
            key_of(draft),
            tuple(job.corpus.paths("links", job.interval)),
            self.total(job).amount,
            tuple(earlier),
            rules,
            rerun,
            FIRST if settings.wayback else "fetches",
            time.time() + settings.deadline if settings.deadline else float("inf"),
            job.workers,
        )
        return run, draft


def build_before(folder: str) -> Manifest | None:
    """The finished build before of an interval, whether this run has begun already or not."""
    return read_manifest(folder) or read_manifest(files.join(folder, PREVIOUS))
