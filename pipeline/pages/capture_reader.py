"""Records of Common Crawl, read by ranges, one by one.

A record is taken over as it is, byte for byte, into an archive of our own, with a
metadata record that says where it came from.  One unit reads all of them over one
connection: two were turned away where others tried.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from urllib.parse import quote

from pipeline.engine.steps import Reports
from pipeline.pages.archive_client import AwayError, PoliteClient
from pipeline.pages.captures import Dated, Spot, nearest
from pipeline.pages.journal import Journal
from pipeline.pages.link_part import LinkPart
from pipeline.pages.outcomes import Outcome
from pipeline.pages.records import Capture, page_records
from pipeline.pages.refetch import FIRST_RUN, Rerun
from pipeline.pages.screen import Judged, is_wanted, media_type, screen_body, unknown_license
from pipeline.pages.settings import PagesSettings
from pipeline.pages.table import Row, blank_row
from pipeline.store import files
from pipeline.store.archives import BadRecordError, Response, read_member
from pipeline.store.content_coding import TooLargeError
from pipeline.store.parts import Part, file_part, id_range, read_ids

ORIGIN = "commoncrawl"
#: CloudFront answers 403 to who asks too fast, the buckets behind it 503 ("Slow Down").
_NO = frozenset({403, 429, 500, 502, 503, 504})
_HEAD_BYTES = 1 << 17  # for the headers of a record, beside its body


@dataclass(frozen=True)
class Reading:
    """All links of an interval, a part of the links stage at a time."""

    folder: str
    key: str
    links: tuple[str, ...]
    matches: tuple[str, ...]
    settings: PagesSettings
    #: Fetch tables of earlier intervals: what they have is not read again.
    earlier: tuple[str, ...]
    #: When the stage's time is up, in seconds since 1970.
    until: float = float("inf")
    #: First part of the names of its fetch tables: scratch where a fallback writes the last ones.
    table: str = "fetches"
    #: What of the build before is read again.
    rerun: Rerun = FIRST_RUN


def read_captures(reading: Reading) -> list[Part]:
    """Ends every link with one outcome; resumes where a killed run stopped."""
    return asyncio.run(_CaptureReader(reading).run())


class _CaptureReader:
    def __init__(self, reading: Reading) -> None:
        self._of, self._settings = reading, reading.settings
        self._away = ""

    async def run(self) -> list[Part]:
        parts: list[Part] = []
        delay = self._settings.commoncrawl_delay
        async with PoliteClient(self._settings, delay, _NO, self._of.until) as self._client:
            for number in range(len(self._of.links)):
                parts.append(await self._part(number))
        names = files.listed(self._of.folder, f"{ORIGIN}-*.warc.gz")
        return [*parts, *(file_part(self._of.folder, files.name_of(name)) for name in names)]

    async def _part(self, number: int) -> Part:
        reading = self._of
        part = LinkPart(
            reading.links[number],
            number,
            len(reading.links),
            ORIGIN,
            reading.folder,
            reading.key,
            self._settings,
            reading.earlier,
            reading.table,
            reading.rerun,
        )
        done = part.finished()
        if done is not None:
            return done
        spots = self._spots(number)

        async def end(link: Dated, journal: Journal) -> Row:
            return await self._end(link, spots.get(link.id, []), journal)

        return await part.end(end)

    def _spots(self, number: int) -> dict[str, list[Spot]]:
        low, high = id_range(number, len(self._of.links))
        spots: dict[str, list[Spot]] = defaultdict(list)
        for name in self._of.matches:
            for row in read_ids(files.join(self._of.folder, name), low, high).to_pylist():
                spots[row.pop("id")].append(Spot(**row))
        return spots

    async def _end(self, link: Dated, spots: list[Spot], journal: Journal) -> Row:
        """The row of a link; what was read is archived and logged, what was deferred is not."""
        spot = nearest(spots, link.first_seen)
        if spot is None:
            return blank_row(link.id, link.url, Outcome.NOT_IN_ARCHIVE, ORIGIN)
        row = blank_row(link.id, link.url, Outcome.BAD_RECORD, ORIGIN) | {"final_url": spot.url}
        if not self._away:
            try:
                return await self._read(link, spot, row, journal)
            except AwayError as error:
                self._away = str(error)
        return row | {"outcome": Outcome.DEFERRED.value, "error": self._away}

    async def _read(self, link: Dated, spot: Spot, row: Row, journal: Journal) -> Row:
        row["attempts"] = 1
        try:
            member = await self._member(spot)
            response, fields = read_member(member, self._settings.max_bytes + _HEAD_BYTES)
            _refuse_other(spot, response, fields)
        except TooLargeError as error:
            row |= {"outcome": Outcome.TOO_LARGE.value, "error": str(error)}
        except BadRecordError as error:
            row |= {"error": f"{spot.file} at {spot.offset}: {error}"}
        except OSError as error:
            row |= {"outcome": Outcome.CONNECTION.value, "error": str(error)}
        else:
            notes = _notes(link, spot)
            capture = Capture(
                response.url,
                response.status,
                response.headers,
                response.body,
                response.date,
                record_id=fields.get("WARC-Record-ID", ""),
                notes=notes,
            )
            judged = _judged(response, fields, self._settings)
            row = capture.row(link.id, link.url, judged, ORIGIN) | {"attempts": 1}
            if judged.outcome == Outcome.OK:
                notes |= {"charset": judged.charset, "charset-by": judged.charset_by}
                journal.copied_page(row, member, page_records(capture)[1:])
                return row
        journal.log(row)
        return row

    async def _member(self, spot: Spot) -> bytes:
        """The bytes of a record; OSError where the server cannot be reached."""
        if spot.length > self._settings.max_bytes + _HEAD_BYTES:
            raise TooLargeError(f"a record of {spot.length:,} bytes")
        base = self._settings.commoncrawl_base.rstrip("/")
        span = f"bytes={spot.offset}-{spot.offset + spot.length - 1}"
        reply = await self._client.get(f"{base}/{quote(spot.file)}", spot.length, {"Range": span})
        if reply.status == 0:
            raise ConnectionError(reply.error)
        if reply.status != 206:
            raise BadRecordError(f"status {reply.status} for a range")
        if len(reply.body) != spot.length:
            raise BadRecordError(f"{len(reply.body):,} bytes instead of {spot.length:,}")
        return reply.body


def _refuse_other(spot: Spot, response: Response, fields: dict[str, str]) -> None:
    """BadRecordError where the record is another than the index says."""
    if response.url != spot.url:
        raise BadRecordError(f"the record is of {response.url[:200]}")
    told = fields.get("WARC-Payload-Digest", "").removeprefix("sha1:")
    if spot.digest and told and told != spot.digest:
        raise BadRecordError("the record has not the digest that the index gives")


def _judged(response: Response, fields: dict[str, str], settings: PagesSettings) -> Judged:
    if "WARC-Truncated" in fields:
        return Judged(Outcome.TOO_LARGE, f"cut by Common Crawl: {fields['WARC-Truncated'][:100]}")
    if response.status != 200:
        return Judged(Outcome.BAD_RECORD, f"status {response.status}, not 200 as in the index")
    if not is_wanted(response.headers, settings):
        return Judged(Outcome.CONTENT_TYPE, media_type(response.headers)[:100])
    return screen_body(response.url, response.headers, response.body, settings, unknown_license)


def _notes(link: Dated, spot: Spot) -> dict[str, str]:
    """What the metadata record says of where a page came from."""
    return {
        "link": link.url,
        "id": link.id,
        "origin": ORIGIN,
        "origin-file": spot.file,
        "origin-offset": str(spot.offset),
        "origin-length": str(spot.length),
        "copied": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def plan_reading(reading: Reading, matches: Reports) -> list[Reading]:
    """The reader with the captures that the index has."""
    names = sorted(part.file.name for part in matches if part.file)
    return [replace(reading, matches=tuple(names))]
