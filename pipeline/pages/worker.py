"""The crawl of one process: its groups of hosts, opened one by one, all at work at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.pages.crawl import Ended, Link, crawl
from pipeline.pages.group import Group, OpenGroup
from pipeline.pages.host_lock import HostLocks
from pipeline.pages.pace import Meter
from pipeline.pages.settings import PagesSettings
from pipeline.store import files
from pipeline.store.blocklist import AddressRules
from pipeline.store.manifest import WORK
from pipeline.store.parts import Part
from pipeline.store.progress import HostPace, Progress

_DEFAULT_RULES = AddressRules()


@dataclass(frozen=True)
class CrawlShare:
    """The groups of one process."""

    number: int
    groups: tuple[Group, ...]
    folder: str
    settings: PagesSettings
    #: Hold for what links redirect to.
    rules: AddressRules
    #: Seconds since 1970 at which the stage's time is up.
    until: float = float("inf")


def crawl_groups(share: CrawlShare, links_of: Callable[[Group], Iterable[Link]]) -> list[Part]:
    """Ends every link of the groups with one outcome; resumes where a killed run stopped."""
    parts: list[Part] = []
    by_link: dict[str, OpenGroup] = {}
    meter = Meter()

    def batches() -> Iterator[Sequence[Link]]:
        for group in share.groups:
            finished = group.finished()
            if finished is not None:
                parts.extend(finished)
                continue
            opened = OpenGroup(group, list(links_of(group)))
            if opened.finished:
                parts.extend(opened.close())
            else:
                by_link.update((link.id, opened) for link in opened.todo)
                yield opened.todo

    def ended(one: Ended) -> None:
        group = by_link.pop(one.link.id)
        group.keep(one)
        meter.count(len(one.answer.body))
        if group.finished:
            parts.extend(group.close())

    with Progress(share.folder, f"crawl-{share.number:05d}") as progress:

        def pulse(hosts: Iterable[HostPace]) -> None:
            progress.keep_pace(meter.pace(hosts))

        locks = HostLocks(Path(files.local_scratch(share.folder)) / WORK / "locks")
        try:
            crawl(
                batches(),
                share.settings,
                ended,
                rules=share.rules,
                until=share.until,
                locks=locks,
                pulse=pulse,
            )
        except BaseException as error:
            for group in {id(group): group for group in by_link.values()}.values():
                group.abandon(error)
            raise
    return parts


def fetch_group(
    group: Group,
    links: Iterable[Link],
    rules: AddressRules = _DEFAULT_RULES,
    until: float = float("inf"),
) -> list[Part]:
    """Ends the links of one group alone."""
    share = CrawlShare(group.number, (group,), group.folder, group.settings, rules, until)
    return crawl_groups(share, lambda _: links)
