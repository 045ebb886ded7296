"""The crawl of an interval group by group, for schedulers that map tasks over groups of hosts.

`open_crawl` says which groups there are; `crawl_group` ends the links of one, in this
process.  Groups share no host, so any number of them may be crawled at the same time.
The build of the stage takes groups that are done as they are, and crawls the others itself.
"""

from __future__ import annotations

from collections.abc import Callable

from pipeline.build.build import refuse_earlier_interval, set_aside, stale_reason
from pipeline.build.recipe import Recipe
from pipeline.engine.show_progress import watch
from pipeline.pages.stage import PagesStage
from pipeline.store import files
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.forgotten import refuse_pending
from pipeline.store.lock import locked
from pipeline.store.manifest import Counts, read_manifest

_STAGE = PagesStage()


def open_crawl(recipe: Recipe, say: Callable[[str], None] = print) -> int:
    """The number of groups to crawl; 0 when the pages are up to date or come from an archive.

    A finished build that is stale is set aside, as `build` does.
    """
    job = recipe.job()
    refuse_earlier_interval(job.corpus, job.interval)
    with locked(job.corpus.root, recipe.corpus.lease_seconds, say=say):
        refuse_pending(job.corpus)
        reason = stale_reason(_STAGE, job)
        groups = _STAGE.groups(job) if reason is not None else 0
        if not groups:
            say(f"pages: nothing to crawl by groups, {reason or 'up to date'}")
            return 0
        say(f"pages: {reason}")
        folder = _STAGE.folder(job)
        files.make_folder(folder)
        set_aside(folder)
        return groups


def crawl_group(recipe: Recipe, number: int) -> Counts:
    """Crawls one group to its end, or finds it done; returns its counts by outcome.

    Raises SettingError where the recipe has no such group, WebtextError while a finished
    build of the pages is in its place.
    """
    job = recipe.job()
    folder = _STAGE.folder(job)
    seconds, shared = recipe.corpus.lease_seconds, f"crawls of groups of {job.interval}"
    with locked(job.corpus.root, seconds, shared=shared):
        refuse_pending(job.corpus)
        if read_manifest(folder) is not None:
            raise WebtextError(
                f"The pages of {job.interval} are built already",
                "Run `webtext crawl RECIPE` without --group first: it says what there is to do",
            )
        of = _STAGE.groups(job)
        if not of:
            raise SettingError(
                f"--group {number}: pages.source = {recipe.pages.source!r} has no groups of hosts",
                "Run `webtext build RECIPE --until pages`",
            )
        if not 0 <= number < of:
            raise SettingError(f"--group {number}: there are {of} groups", f"0 to {of - 1}")
        with watch("pages", folder, _STAGE.total(job), lambda: f"group {number} of {of}"):
            parts = _STAGE.end_group(job, number)
    return sum((part.counts for part in parts), Counts())
