"""A group of hosts: its links, its archive and its fetch table."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.pages.crawl import Ended, Link
from pipeline.pages.fetch import Answer
from pipeline.pages.journal import Journal
from pipeline.pages.link_part import archive_prefix, archives_of
from pipeline.pages.outcomes import Outcome
from pipeline.pages.records import Capture, Record, page_records
from pipeline.pages.refetch import FIRST_RUN, Rerun, patience_of, terms
from pipeline.pages.settings import PagesSettings
from pipeline.pages.table import (
    blank_row,
    fetched_before,
    left_before,
    preference_columns,
    write_fetches,
)
from pipeline.store.http_answer import AnswerHead, Headers
from pipeline.store.parts import Part, finished_part, part_name
from pipeline.store.progress import Progress

#: The first part of the names of the crawl's archives.
_ARCHIVES = "group"


@dataclass(frozen=True)
class Group:
    """A group of hosts, and where what was fetched before is to be found."""

    number: int
    of: int
    folder: str
    key: str
    settings: PagesSettings
    #: Fetch tables of earlier intervals: what they have is not fetched again.
    earlier: tuple[str, ...]
    #: First part of the name of its fetch table: scratch where a fallback writes the last one.
    table: str = "fetches"
    #: What of the build before is fetched again.
    rerun: Rerun = FIRST_RUN

    @property
    def name(self) -> str:
        """The first part of the names of its archives."""
        return archive_prefix(_ARCHIVES, self.number, self.of)

    def finished(self) -> list[Part] | None:
        """The table and the archives, where a run before has finished them."""
        done = finished_part(self.folder, part_name(self.number, self.of, self.table), self.key)
        return None if done is None else [done, *self._archives()]

    def write(self, rows: Iterable[dict[str, Any]]) -> list[Part]:
        """Writes the fetch table; the archives are there by now."""
        name = part_name(self.number, self.of, self.table)
        patience = patience_of(self.settings)
        return [write_fetches(self.folder, name, self.key, rows, patience), *self._archives()]

    def _archives(self) -> list[Part]:
        return archives_of(self.folder, _ARCHIVES, self.number, self.of)


class OpenGroup:
    """A group that is crawled: keeps how its links end, and writes its table when all have."""

    def __init__(self, group: Group, links: Sequence[Link]) -> None:
        self._group = group
        self._urls = {link.id: link.url for link in links}
        settings = group.settings
        self._journal = Journal(
            group.folder,
            group.name,
            settings.segment_mb << 20,
            settings.segment_minutes * 60,
            terms=terms(settings, group.key),
        )
        self._progress = Progress(group.folder, f"group-{group.number:05d}")
        self._journal.__enter__()
        logged = {identity for identity, _ in self._spared()} | self._journal.logged
        left = left_before(group.folder, self._urls)
        self._builds = left.builds
        #: The links that are to be fetched, those first that an earlier build did not reach.
        self.todo = sorted(
            (link for link in links if link.id not in logged),
            key=lambda link: (link.id not in left.deferred, link.id),
        )
        self._missing = len(self.todo)
        if len(logged):
            self._progress.add(len(self._urls) - self._missing)

    @property
    def finished(self) -> bool:
        """Whether all links have ended."""
        return self._missing == 0

    def keep(self, ended: Ended) -> None:
        """Archives and logs how one link ended."""
        row = _row(ended, self._builds.get(ended.link.id, 0))
        if ended.answer.outcome == Outcome.OK:
            self._journal.page(row, _records(ended), _redirects(ended))
        else:
            self._journal.log(row)
        self._missing -= 1
        self._progress.add(1, **{ended.answer.outcome.value: 1})

    def close(self) -> list[Part]:
        """Closes the archive and writes the table."""
        rows = dict(self._spared())
        journal = self._journal
        rows |= {i: row for i, row in journal.rows() if i in self._urls}
        journal.finish()
        journal.__exit__(None, None, None)
        self._progress.__exit__(None, None, None)
        return self._group.write(rows.values())

    def abandon(self, error: BaseException) -> None:
        """Leaves everything as it is for the next run."""
        self._journal.__exit__(type(error), error, error.__traceback__)

    def _spared(self) -> Iterable[tuple[str, dict[str, Any]]]:
        """The rows of links that need no fetching."""
        group = self._group
        origins = ("web", "wayback") if group.settings.wayback else ("web",)
        return fetched_before(group.folder, group.earlier, self._urls, origins, group.rerun)


def _row(ended: Ended, builds: int) -> dict[str, Any]:
    """The row of a link; `builds` have asked for it before."""
    answer, now = ended.answer, int(time.time())
    kept = answer.outcome == Outcome.OK
    was_asked = answer.outcome != Outcome.DEFERRED
    return (
        blank_row(ended.link.id, ended.link.url, answer.outcome, "web")
        | preference_columns(answer.preference, answer.fetched_at or now)
        | {
            "final_url": answer.final_url,
            "status": answer.status,
            "content_type": answer.headers.joined("content-type")[:200],
            "bytes": len(answer.body),
            "digest": hashlib.sha256(answer.body).hexdigest() if kept else "",
            "fetched_at": answer.fetched_at or now,
            "robots": ended.robots,
            "attempts": ended.attempts,
            "error": answer.error,
            "charset": answer.charset,
            "charset_by": answer.charset_by,
            "builds": builds + was_asked,
        }
    )


def _records(ended: Ended) -> list[Record]:
    """Response, request and metadata records of a page."""
    answer = ended.answer
    notes = {
        "link": ended.link.url,
        "id": ended.link.id,
        "origin": "web",
        "robots": ended.robots,
        "charset": answer.charset,
        "charset-by": answer.charset_by,
    }
    return page_records(_capture(answer, notes))


def _redirects(ended: Ended) -> list[Record]:
    """Response and request records of the redirects that led to a page."""
    return [record for hop in ended.answer.hops for record in page_records(_capture(hop, {}))]


def _capture(answer: Answer, notes: dict[str, str]) -> Capture:
    exchange = answer.exchange
    head = exchange.head if exchange else AnswerHead(200, Headers())
    return Capture(
        answer.final_url,
        head.status,
        head.headers,
        answer.body,
        answer.fetched_at,
        reason=head.reason,
        request=exchange.request if exchange else b"",
        address=exchange.address if exchange else "",
        protocol=exchange.protocol if exchange else "",
        coding=answer.coding,
        notes=notes,
    )
