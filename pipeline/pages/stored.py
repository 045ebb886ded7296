"""Pages that somebody has stored by address, such as the cache of another crawler."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from pipeline.engine.steps import Reports, Step
from pipeline.pages.captures import Dated
from pipeline.pages.fetch import is_page
from pipeline.pages.journal import Journal
from pipeline.pages.link_part import LinkPart, archives_of
from pipeline.pages.outcomes import Outcome
from pipeline.pages.page_source import PageSource, PagesRun
from pipeline.pages.records import Capture, page_records
from pipeline.pages.screen import Judged, is_wanted, media_type, screen_body, unknown_license
from pipeline.pages.settings import PagesSettings
from pipeline.pages.table import Row, blank_row
from pipeline.store.http_answer import Headers
from pipeline.store.parts import Part

_STATUS = {404: Outcome.NOT_FOUND, 410: Outcome.GONE}


class StoredPages(PageSource):
    """A subclass finds the page of one link; links are dealt to all workers, part by part."""

    @abstractmethod
    def find(self, link: Dated) -> Capture | None:
        """The page of a link as its host once sent it; None where it is not stored.

        Raises ValueError for what is stored but cannot be read: the link ends as `bad_record`.
        The object itself goes to the workers, so files are opened here.
        """

    def steps(self, run: PagesRun) -> list[Step]:
        """One step, a unit for each part of the links stage."""
        return [Step("Find", partial(self._units, run), self._end)]

    def _units(self, run: PagesRun, before: Reports) -> list[LinkPart]:
        origin, of = self.pages.source, len(run.links)
        return [
            LinkPart(
                path,
                number,
                of,
                origin,
                run.folder,
                run.key,
                self.pages,
                run.earlier,
                run.table,
                run.rerun,
            )
            for number, path in enumerate(run.links)
        ]

    def _end(self, part: LinkPart) -> Iterable[Part]:
        table = part.finished() or asyncio.run(part.end(self._end_link))
        return [table, *archives_of(part.folder, part.origin, part.number, part.of)]

    async def _end_link(self, link: Dated, journal: Journal) -> Row:
        """The row of a link; a page that may be used is archived."""
        origin = self.pages.source
        try:
            capture = self.find(link)
        except ValueError as error:
            row = blank_row(link.id, link.url, Outcome.BAD_RECORD, origin)
            return row | {"error": str(error)[:500]}
        if capture is None:
            return blank_row(link.id, link.url, Outcome.NOT_IN_ARCHIVE, origin)
        judged = screen_stored(capture, self.pages)
        row = capture.row(link.id, link.url, judged, origin) | {"attempts": 1}
        if judged.outcome == Outcome.OK:
            notes = {
                "link": link.url,
                "id": link.id,
                "origin": origin,
                **capture.notes,
                "copied": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "charset": judged.charset,
                "charset-by": judged.charset_by,
            }
            journal.page(row, page_records(replace(capture, notes=notes, coding=judged.coding)))
        return row


def screen_head(status: int, headers: Headers, settings: PagesSettings) -> Judged | None:
    """The outcome of an answer whose body need not be looked at; None for all others."""
    if not is_page(status):
        return Judged(_STATUS.get(status, Outcome.HTTP_ERROR), f"status {status}")
    if not is_wanted(headers, settings):
        return Judged(Outcome.CONTENT_TYPE, media_type(headers)[:100])
    return None


def screen_stored(capture: Capture, settings: PagesSettings) -> Judged:
    """The outcome of an answer that somebody has stored.  Nobody is asked for its licence."""
    return screen_head(capture.status, capture.headers, settings) or screen_body(
        capture.url, capture.headers, capture.body, settings, unknown_license
    )
