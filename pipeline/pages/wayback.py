"""Dead links in the Wayback Machine (`wayback = true`): the capture nearest to the link's day.

After the rest of the stage one unit goes through the fetch tables and asks for each dead
link first the index (the CDX server), then for the raw capture (`id_`), over one
connection.  What the page said when it was captured holds: its date, its headers, its
opt-outs.  A link for which there is nothing keeps the outcome that it had.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import orjson

from pipeline.pages.archive_client import AwayError, PoliteClient, Reply
from pipeline.pages.captures import Spot, first_seen, nearest
from pipeline.pages.journal import Journal
from pipeline.pages.outcomes import Outcome
from pipeline.pages.page_source import FIRST
from pipeline.pages.records import Capture, page_records
from pipeline.pages.refetch import FIRST_RUN, Rerun, patience_of, terms
from pipeline.pages.screen import is_wanted, screen_body, unknown_license
from pipeline.pages.settings import PagesSettings
from pipeline.pages.table import Row, fetched_before, left_before, write_fetches
from pipeline.store import files
from pipeline.store.addresses import canonical_key, page_id, resolve
from pipeline.store.content_coding import TooLargeError
from pipeline.store.http_answer import Headers
from pipeline.store.parquet import read_rows
from pipeline.store.parts import Part, file_part, finished_part
from pipeline.store.progress import Progress

ORIGIN = "wayback"
#: Outcomes of links that lead nowhere.  What a host or page refuses is not asked for elsewhere.
DEAD = frozenset(
    {
        Outcome.NOT_FOUND,
        Outcome.GONE,
        Outcome.DNS,
        Outcome.TLS,
        Outcome.CONNECTION,
        Outcome.TIMEOUT,
        Outcome.HOST_FAILED,
        Outcome.NOT_IN_ARCHIVE,
    }
)
_NO = frozenset({429, 500, 502, 503, 504})
_INDEX_BYTES = 1 << 20
_CAPTURES = 10  # asked of the index; the nearest of them is taken
_HOPS = 3  # redirects to a neighbouring capture
_ORIGINAL = "x-archive-orig-"  # before the headers that the page came with
_OF_THE_ANSWER = frozenset({"content-type", "content-encoding"})
_FORMAT = "%Y%m%d%H%M%S"


@dataclass(frozen=True)
class Rescue:
    """The fetch tables of a stage, and the parts of the links stage that tell the days."""

    folder: str
    key: str
    links: tuple[str, ...]
    settings: PagesSettings
    #: When the stage's time is up, in seconds since 1970.
    until: float = float("inf")
    tables: tuple[str, ...] = ()
    #: What of the build before is asked for again.
    rerun: Rerun = FIRST_RUN


def rescue(unit: Rescue) -> list[Part]:
    """Writes the last fetch tables; resumes where a killed run stopped."""
    return asyncio.run(_Rescuer(unit).run())


class _Rescuer:
    def __init__(self, unit: Rescue) -> None:
        self._unit, self._settings = unit, unit.settings
        self._base = self._settings.wayback_base.rstrip("/")
        self._away = ""

    async def run(self) -> list[Part]:
        parts = []
        delay, until = self._settings.wayback_delay, self._unit.until
        async with PoliteClient(self._settings, delay, _NO, until) as self._client:
            for table in sorted(self._unit.tables):
                parts.append(await self._table(table))
        names = files.listed(self._unit.folder, f"{ORIGIN}-*.warc.gz")
        return [*parts, *(file_part(self._unit.folder, files.name_of(name)) for name in names)]

    async def _table(self, table: str) -> Part:
        unit = self._unit
        numbers = table.removeprefix(f"{FIRST}-").removesuffix(".parquet")
        name = f"fetches-{numbers}.parquet"
        done = finished_part(unit.folder, name, unit.key)
        if done is not None:
            return done
        rows = {row["id"]: row for row in read_rows(files.join(unit.folder, table))}
        urls = {i: row["url"] for i, row in rows.items() if row["outcome"] in DEAD}
        rows |= fetched_before(unit.folder, (), urls, (ORIGIN,), unit.rerun)
        deferred = left_before(unit.folder, urls).deferred
        wanted = deferred if unit.rerun.only_left_over else urls
        dead = sorted(i for i in wanted if rows[i]["outcome"] in DEAD)
        seen = first_seen(unit.links, dead)
        size, age = self._settings.segment_mb << 20, self._settings.segment_minutes * 60
        hangs_on = terms(self._settings, unit.key)
        with (
            Progress(unit.folder, f"wayback-{numbers}") as progress,
            Journal(unit.folder, f"{ORIGIN}-{numbers}", size, age, terms=hangs_on) as journal,
        ):
            rows |= {i: row for i, row in journal.rows() if i in rows}
            for identity in dead:
                if identity not in journal.logged:
                    row = await self._end(rows[identity], seen.get(identity, 0), journal)
                    rows[identity] = row
                    progress.add(0, **{f"wayback_{row['outcome']}": 1})
            journal.finish()
        return write_fetches(
            unit.folder, name, unit.key, rows.values(), patience_of(self._settings)
        )

    async def _end(self, row: Row, when: int, journal: Journal) -> Row:
        """The last row of a dead link; what was deferred is not logged."""
        reason = self._away
        if not reason:
            try:
                return await self._ask(row, when, journal)
            except AwayError as error:
                reason = self._away = str(error)
            except ConnectionError as error:
                reason = str(error)
        reason = f"{row['outcome']}; Wayback Machine: {reason}"
        return row | {"outcome": Outcome.DEFERRED.value, "error": reason}

    async def _ask(self, row: Row, when: int, journal: Journal) -> Row:
        try:
            spot = await self._find(row["id"], row["url"], when)
            capture = await self._fetch(spot) if spot else "no capture"
        except TooLargeError as error:
            capture = str(error)
        if isinstance(capture, str):
            row = row | {"error": f"{row['outcome']}; Wayback Machine: {capture}"}
            journal.log(row)
            return row
        return self._keep(row, capture, journal)

    async def _find(self, identity: str, url: str, when: int) -> Spot | None:
        """The capture with status 200 that is nearest to the link's day.

        The index takes addresses for one that differ in case; only those of the same page count.
        """
        query = f"url={quote(url, safe='')}&output=json&fl=timestamp,original,digest"
        query += "&filter=statuscode:200"
        if when:
            stamp = datetime.fromtimestamp(when, UTC).strftime(_FORMAT)
            query += f"&closest={stamp}&sort=closest&limit={_CAPTURES}"
        else:
            query += f"&limit=-{_CAPTURES}"
        reply = await self._client.get(f"{self._base}/cdx/search/cdx?{query}", _INDEX_BYTES, {})
        spots = (s for s in _spots(reply) if page_id(canonical_key(s.url)) == identity)
        return nearest(spots, when)

    async def _fetch(self, spot: Spot) -> Capture | str:
        """The page as it was captured, or why it cannot be had."""
        stamp = datetime.fromtimestamp(spot.date, UTC).strftime(_FORMAT)
        url = f"{self._base}/web/{stamp}id_/{spot.url}"
        for _ in range(_HOPS):
            reply = await self._client.get(url, self._settings.max_bytes, {})
            target = resolve(url, reply.headers.joined("location")) or ""
            if not 300 <= reply.status < 400 or not target.startswith(f"{self._base}/web/"):
                break
            url = target
        if reply.status == 0:
            raise ConnectionError(reply.error)
        if reply.status != 200:
            return f"status {reply.status} for its capture of {stamp}"
        headers = original_headers(reply.headers)
        if not is_wanted(headers, self._settings):
            return f"its capture of {stamp} is {headers.joined('content-type')[:100]}"
        date = _date(urlsplit(url).path.split("/")[2].removesuffix("id_")) or spot.date
        return Capture(spot.url, 200, headers, reply.body, date, notes={"origin-url": url})

    def _keep(self, row: Row, capture: Capture, journal: Journal) -> Row:
        judged = screen_body(
            capture.url, capture.headers, capture.body, self._settings, unknown_license
        )
        if judged.outcome != Outcome.OK and not judged.outcome.startswith("opt_out"):
            row = row | {"error": f"{row['outcome']}; Wayback Machine: {judged.error}"}
            journal.log(row)
            return row
        was, attempts = row["outcome"], row["attempts"] + 1
        robots = row["robots"]
        row = capture.row(row["id"], row["url"], judged, ORIGIN)
        row |= {"robots": robots, "attempts": attempts, "error": row["error"] or f"was {was}"}
        if judged.outcome != Outcome.OK:
            journal.log(row)
            return row
        notes = {
            "link": row["url"],
            "id": row["id"],
            "origin": ORIGIN,
            **capture.notes,
            "copied": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "was": was,
            "charset": judged.charset,
            "charset-by": judged.charset_by,
        }
        journal.page(row, page_records(replace(capture, notes=notes, coding=judged.coding)))
        return row


def original_headers(headers: Headers) -> Headers:
    """The headers that the page came with, out of those of the Wayback Machine's answer.

    It keeps them under a prefix.  The content encoding is that of this answer: a capture may
    be unpacked on the way.
    """
    original = [
        (name[len(_ORIGINAL) :], value)
        for name, value in headers
        if name.lower().startswith(_ORIGINAL)
    ]
    own = [(name, value) for name, value in headers if name.lower() in _OF_THE_ANSWER]
    kept = {name.lower() for name, _ in own} | {"content-encoding"}
    return Headers([*(pair for pair in original if pair[0].lower() not in kept), *own])


def _spots(reply: Reply) -> list[Spot]:
    """The captures in an answer of the CDX server: rows of JSON behind one with their names.

    Raises ConnectionError where the answer is none.
    """
    if 400 <= reply.status < 500:
        return []  # pages whose owners asked for it are left out with 403
    try:
        rows = orjson.loads(reply.body or b"[]")[1:] if reply.status == 200 else None
        dated = [(_date(str(stamp)), str(url), str(digest)) for stamp, url, digest in rows or ()]
    except (orjson.JSONDecodeError, TypeError, ValueError):
        rows = None
    if rows is None:
        raise ConnectionError(reply.error or f"no index in its answer, status {reply.status}")
    return [Spot(*spot) for spot in dated if spot[0]]


def _date(stamp: str) -> int:
    """Seconds since 1970 of a time as the Wayback Machine writes it; 0 where it is none."""
    try:
        return int(datetime.strptime(stamp, _FORMAT).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return 0
