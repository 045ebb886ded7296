"""Pages from the web (`source = "web"`): every link is asked of its host, politely."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from pipeline.engine.steps import Step, all_of
from pipeline.pages.page_source import PageSource, PagesRun
from pipeline.store.parts import Part

if TYPE_CHECKING:
    from pipeline.pages.group import Group
    from pipeline.pages.worker import CrawlShare

#: So that several workers have something to do in a small corpus, too.
_LEAST_GROUPS = 8


class Web(PageSource):
    """The crawler.  A host is only ever at one worker."""

    crawls = True

    def check(self) -> None:
        """The open web is not crawled without a contact."""
        if not self.pages.via and not self.pages.contact:
            raise ValueError(
                "pages.contact is empty; hosts must be able to reach you before the open web is "
                'crawled: contact = "mailto:you@example.org"'
            )

    def steps(self, run: PagesRun) -> list[Step]:
        """Links go to groups through files; then each process crawls its groups."""
        from pipeline.pages.deal import Hand, crawl_share, deal_links

        of = len(run.links)
        hands = [
            Hand(path, number, of, run.folder, run.key, self.groups(run))
            for number, path in enumerate(run.links)
        ]
        return [
            Step("Deal", partial(all_of, hands), deal_links),
            Step("Crawl", partial(all_of, self._shares(run)), partial(crawl_share, of)),
        ]

    def groups(self, run: PagesRun) -> int:
        """How many groups the hosts are divided into."""
        return max(_LEAST_GROUPS, -(-run.link_count // self.pages.links_a_group))

    def end_group(self, run: PagesRun, number: int) -> Sequence[Part]:
        """Crawls one group in this process, as a runner's worker would."""
        from pipeline.pages.deal import group_of, read_links
        from pipeline.pages.worker import fetch_group

        group, share = self._groups(run)[number], self._shares(run)[0]
        links = (link for path in run.links for link in read_links(path))
        own = [link for link in links if group_of(link.host, group.of) == number]
        return fetch_group(group, own, share.rules, share.until)

    def _groups(self, run: PagesRun) -> list[Group]:
        from pipeline.pages.group import Group

        of = self.groups(run)
        return [
            Group(n, of, run.folder, run.key, self.pages, run.earlier, run.table, run.rerun)
            for n in range(of)
        ]

    def _shares(self, run: PagesRun) -> list[CrawlShare]:
        """The groups of each process that crawls."""
        from pipeline.pages.worker import CrawlShare

        groups = self._groups(run)
        count = min(len(groups), self.pages.frontiers or run.workers)
        return [
            CrawlShare(n, tuple(groups[n::count]), run.folder, self.pages, run.rules, run.until)
            for n in range(count)
        ]
