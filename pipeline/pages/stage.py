"""The pages stage: every link fetched once, or found in an archive, with one outcome each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import apache_beam as beam

from pipeline.engine.sink import Gather, MakeParts, WriteManifest
from pipeline.engine.stage import Job, Stage, Total
from pipeline.pages import wayback
from pipeline.pages.archive import Archive, Lookup, index_archive, look_up
from pipeline.pages.captures import dated_links
from pipeline.pages.ccindex import IndexFile, match_index
from pipeline.pages.commoncrawl import Reading, read_captures
from pipeline.pages.deal import (
    crawl_share,
    group_of,
    keyed_by_group,
    plan_rescue,
    reached_something,
    read_links,
    rescue_parts,
    write_group_links,
)
from pipeline.pages.group import Group
from pipeline.pages.outcomes import Outcome
from pipeline.pages.refetch import RULES, key_of, outcomes_named, patience_of, plan_rerun
from pipeline.pages.removal import remove_pages
from pipeline.pages.settings import PagesSettings
from pipeline.pages.waiting import waiting_links
from pipeline.pages.worker import Share, fetch_group
from pipeline.store import files
from pipeline.store.blocklist import AddressRules
from pipeline.store.manifest import PREVIOUS, Manifest, read_manifest
from pipeline.store.parts import (
    Part,
    work_key,
)
from pipeline.store.stage_edit import Removal, StageEdit

#: So that several workers have something to do in a small corpus, too.
_LEAST_GROUPS = 8


class Finish(beam.PTransform):
    """Fetch tables and archives in, one Manifest out; dead links may be looked up in between.

    With a `fallback` the tables that come in are scratch (`wayback.FIRST`).
    """

    def __init__(
        self, folder: str, draft: Manifest, fallback: wayback.Rescue | None = None
    ) -> None:
        super().__init__()
        self._folder, self._draft, self._fallback = folder, draft, fallback

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """One unit asks the Wayback Machine, since it allows one connection."""
        if self._fallback:
            parts = (
                parts
                | "All ended" >> Gather()
                | "Dead links" >> beam.Map(partial(plan_rescue, self._fallback))
                | "Wayback" >> MakeParts(rescue_parts)
            )
        check = partial(reached_something, self._folder)
        return parts | "Manifest" >> WriteManifest(self._folder, self._draft, check)


class Pages(beam.PTransform):
    """Crawls links: link parts in, one Manifest out.  A host is only ever at one worker."""

    def __init__(
        self,
        paths: Sequence[str],
        shares: Sequence[Share],
        draft: Manifest,
        fallback: wayback.Rescue | None = None,
    ) -> None:
        super().__init__()
        self._paths, self._shares = list(paths), list(shares)
        self._groups = sorted(
            (group for share in shares for group in share.groups), key=lambda group: group.number
        )
        self._finish = Finish(shares[0].folder, draft, fallback)

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        """Ids, addresses and hosts go through the shuffle; pages never do."""
        of = len(self._groups)
        links = (
            root
            | "Link parts" >> beam.Create(self._paths)
            | "Deal" >> beam.Reshuffle()
            | "Read" >> beam.FlatMap(partial(keyed_by_group, of))
        )
        # A group without links writes its (empty) table too, so that file names tell all.
        empty = root | "Groups" >> beam.Create([(number, None) for number in range(of)])
        return (
            (links, empty)
            | beam.Flatten()
            | "By group" >> beam.GroupByKey()
            | "Links of a group" >> beam.FlatMap(partial(write_group_links, self._groups))
            | "All dealt" >> Gather()
            | "Shares" >> beam.FlatMap(partial(all_shares, self._shares))
            | "Crawl" >> MakeParts(crawl_share)
            | "Finish" >> self._finish
        )

    def number_of_groups(self) -> int:
        """How many groups the hosts are divided into."""
        return len(self._groups)

    def fetch(self, number: int) -> list[Part]:
        """Crawls one group in this process, as a runner's worker would.

        A run of the whole transform then takes it as it is.
        """
        group, share = self._groups[number], self._shares[0]
        links = (link for path in self._paths for link in read_links(path))
        own = [link for link in links if group_of(link.host, group.of) == number]
        return fetch_group(group, own, share.rules, share.until)


def all_shares(shares: Sequence[Share], dealt: Sequence[Part]) -> Sequence[Share]:
    """The shares, once all links are dealt."""
    return shares


class ArchivedPages(beam.PTransform):
    """Finds links in archives: archives in, one Manifest out."""

    def __init__(
        self,
        archives: Sequence[Archive],
        links: Sequence[str],
        folder: str,
        draft: Manifest,
        settings: PagesSettings,
        rules: AddressRules,
        fallback: wayback.Rescue | None = None,
    ) -> None:
        super().__init__()
        self._archives = list(archives)
        table = wayback.FIRST if fallback else "fetches"
        self._plan = partial(plan_look_ups, list(links), folder, draft, table, settings, rules)
        self._finish = Finish(folder, draft, fallback)

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        """One indexer an archive; then one look-up a part of links."""
        return (
            root
            | "Archives" >> beam.Create(self._archives)
            | "Index" >> MakeParts(index_archive)
            | "All indexed" >> Gather()
            | "Plan" >> beam.FlatMap(self._plan)
            | "Look up" >> MakeParts(look_up_part)
            | "Finish" >> self._finish
        )


def plan_look_ups(
    links: Sequence[str],
    folder: str,
    draft: Manifest,
    table: str,
    settings: PagesSettings,
    rules: AddressRules,
    indexes: Sequence[Part],
) -> list[tuple[Lookup, str]]:
    """A look-up for each part of the links stage, which holds the range of its number."""
    names = tuple(sorted(part.file.name for part in indexes if part.file))
    key = key_of(draft)
    return [
        (Lookup(number, len(links), folder, key, names, settings, rules, table), path)
        for number, path in enumerate(links)
    ]


def look_up_part(planned: tuple[Lookup, str]) -> list[Part]:
    """Looks up the links of one part."""
    lookup, path = planned
    return look_up(lookup, dated_links(path))


class CommonCrawlPages(beam.PTransform):
    """Finds links in Common Crawl's index and reads them: files of the index in, one Manifest out.

    `reading` still lacks what the index has; that is filled in.
    """

    def __init__(
        self,
        indexes: Sequence[IndexFile],
        reading: Reading,
        draft: Manifest,
        fallback: wayback.Rescue | None = None,
    ) -> None:
        super().__init__()
        self._indexes, self._reading = list(indexes), reading
        self._finish = Finish(reading.folder, draft, fallback)

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        """The files of the index side by side; then one reader, since there is one connection."""
        return (
            root
            | "Index files" >> beam.Create(self._indexes)
            | "Match" >> MakeParts(match_index)
            | "All matched" >> Gather()
            | "Plan" >> beam.Map(partial(plan_reading, self._reading))
            | "Read" >> MakeParts(read_captures)
            | "Finish" >> self._finish
        )


def plan_reading(reading: Reading, matches: Sequence[Part]) -> Reading:
    """The reader with the captures that the index has."""
    return replace(reading, matches=tuple(sorted(part.file.name for part in matches if part.file)))


class PagesStage(Stage):
    """From links to archived pages."""

    name = "pages"
    version = "4"
    unit_seconds = 0.0023

    def settings(self, job: Job) -> PagesSettings:
        """The `[pages]` section."""
        return job.section(PagesSettings)

    def inputs(self, job: Job) -> dict[str, str]:
        """The links, and each archive or file of an index by its name."""
        links = job.corpus.require("links", job.interval)
        found = {"links": links.fingerprint, RULES: work_key(self.rules(job).identity())}
        for path in given_files(self.settings(job)):
            name = path.rsplit("/", 1)[-1]
            found[path if name in found else name] = files.content_fingerprint(path)
        return found

    def remove_pages(self, edit: StageEdit) -> Removal:
        """Rows of fetch tables, and records of the crawl's archives."""
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

    def total(self, job: Job) -> Total:
        """Links to end."""
        return Total(job.corpus.require("links", job.interval).counts.kept, "links")

    def transform(self, job: Job) -> beam.PTransform:
        """The crawl, the look-up in archives, or the reading of Common Crawl."""
        folder, settings = self.folder(job), self.settings(job)
        rules = self.rules(job)
        rerun, draft = plan_rerun(
            build_before(folder),
            self.draft(job),
            rules=rules,
            patience=patience_of(settings),
            named=outcomes_named(job.retry),
        )
        links = tuple(job.corpus.paths("links", job.interval))
        key = key_of(draft)
        until = time.time() + settings.deadline if settings.deadline else float("inf")
        fallback = (
            wayback.Rescue(folder, key, links, settings, until, rerun=rerun)
            if settings.wayback
            else None
        )
        table = wayback.FIRST if fallback else "fetches"
        given = given_files(settings)
        if settings.source == "warc":
            archives = [
                Archive(path, number, folder, work_key(key, path), settings)
                for number, path in enumerate(given)
            ]
            return ArchivedPages(archives, links, folder, draft, settings, rules, fallback)
        earlier = tuple(
            path
            for interval in job.corpus.intervals_before("pages", job.interval)
            for path in job.corpus.paths("pages", interval, "fetches-")
        )
        if settings.source == "commoncrawl":
            indexes = [
                IndexFile(path, number, folder, work_key(key, path), links)
                for number, path in enumerate(given)
            ]
            reading = Reading(folder, key, links, (), settings, earlier, until, table, rerun)
            return CommonCrawlPages(indexes, reading, draft, fallback)
        of = max(_LEAST_GROUPS, -(-self.total(job).amount // settings.links_a_group))
        groups = [Group(n, of, folder, key, settings, earlier, table, rerun) for n in range(of)]
        count = min(of, settings.frontiers or job.workers)
        shares = [
            Share(number, tuple(groups[number::count]), folder, settings, rules, until)
            for number in range(count)
        ]
        return Pages(links, shares, draft, fallback)


def build_before(folder: str) -> Manifest | None:
    """The finished build before of an interval, whether this run has begun already or not."""
    return read_manifest(folder) or read_manifest(files.join(folder, PREVIOUS))


def given_files(settings: PagesSettings) -> list[str]:
    """The archives, or files of the index, that a recipe names.

    Raises SettingError for a pattern that matches no file, or a folder.
    """
    patterns = {"warc": settings.warc, "commoncrawl": settings.commoncrawl}
    found: set[str] = set()
    for pattern in patterns.get(settings.source, ()):
        found |= set(files.matching(pattern, f"pages.{settings.source}"))
    return sorted(found)
