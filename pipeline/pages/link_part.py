"""The links of one part of the links stage, ended one by one: what was ended is not done again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pipeline.pages.captures import Dated, dated_links
from pipeline.pages.journal import Journal
from pipeline.pages.refetch import FIRST_RUN, Rerun, patience_of, terms
from pipeline.pages.settings import PagesSettings
from pipeline.pages.table import Row, fetched_before, write_fetches
from pipeline.store import files
from pipeline.store.parts import Part, file_part, finished_part, part_name
from pipeline.store.progress import Progress

#: Ends a link: returns its row, and archives and logs what holds for the next run as well.
End = Callable[[Dated, Journal], Awaitable[Row]]


@dataclass(frozen=True)
class LinkPart:
    """One part of the links stage, whose ids are a range, and where its pages go."""

    path: str
    number: int
    of: int
    #: The source's name: in the fetch table, and the first part of the names of its archives.
    origin: str
    folder: str
    key: str
    settings: PagesSettings
    #: Fetch tables of earlier intervals: what they have is not fetched again.
    earlier: tuple[str, ...] = ()
    #: First part of the name of its fetch table: scratch where a fallback writes the last one.
    table: str = "fetches"
    #: What of the build before is fetched again.
    rerun: Rerun = FIRST_RUN

    def finished(self) -> Part | None:
        """The fetch table, where a run before has finished it."""
        return finished_part(self.folder, self._table_name, self.key)

    @property
    def _table_name(self) -> str:
        return part_name(self.number, self.of, self.table)

    async def end(self, end: End) -> Part:
        """Ends all links that are not ended yet, in order of id, and writes the fetch table."""
        settings = self.settings
        links = {link.id: link for link in dated_links(self.path)}
        urls = {link.id: link.url for link in links.values()}
        rows = dict(fetched_before(self.folder, self.earlier, urls, (self.origin,), self.rerun))
        size, age = settings.segment_mb << 20, settings.segment_minutes * 60
        name, depends = archive_prefix(self.origin, self.number, self.of), terms(settings, self.key)
        with (
            Progress(self.folder, f"range-{self.number:05d}") as progress,
            Journal(self.folder, name, size, age, terms=depends) as journal,
        ):
            rows |= {i: row for i, row in journal.rows() if i in links}
            progress.add(len(rows))
            for identity, link in sorted(links.items()):
                if identity not in rows:
                    rows[identity] = await end(link, journal)
                    progress.add(1, **{rows[identity]["outcome"]: 1})
            journal.finish()
        patience = patience_of(settings)
        return write_fetches(self.folder, self._table_name, self.key, rows.values(), patience)


def archive_prefix(origin: str, number: int, of: int) -> str:
    """The first part of the names of the archives of one group of links."""
    return f"{origin}-{number:05d}-of-{of:05d}"


def archives_of(folder: str, origin: str, number: int, of: int) -> list[Part]:
    """The archives of a group; the first group also answers for those of an earlier division.

    When links were added and there are more groups now, rows taken over from the build
    before still point into archives that carry the old number of groups.
    """
    paths = files.listed(folder, f"{origin}-*.warc.gz")
    return [
        file_part(folder, name)
        for name in (files.name_of(path) for path in paths)
        if name.startswith(f"{archive_prefix(origin, number, of)}-")
        or (number == 0 and f"-of-{of:05d}-" not in name)
    ]
