"""Which capture of an archive a link gets: the nearest to its day, and what stands behind it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from archive_records import http, packed, record

from pipeline.pages.archive_lookup import Archive, Lookup, index_archive, look_up
from pipeline.pages.captures import Dated
from pipeline.pages.settings import PagesSettings
from pipeline.store.addresses import canonical_key, page_id
from pipeline.store.archives import read_responses
from pipeline.store.blocklist import AddressRules
from pipeline.store.warc import sha1_digest

MENTIONED = 1_433_116_800  # 2015-06-01
URL = "http://a.test/1"


def page(word: str) -> bytes:
    return f"<html><body><p>Words of {word}.</p></body></html>".encode()


def response(word: str, year: int, *headers: str, url: str = URL, **fields: str) -> bytes:
    date = {"WARC_Date": f"{year}-06-01T00:00:00Z"}
    return record("response", url, http(page(word), *headers), **date, **fields)


def moved(year: int, to: str, url: str = URL, kind: str = "response") -> bytes:
    answer = http(b"", f"Location: {to}", status="301 Moved")
    return record(kind, url, answer, WARC_Date=f"{year}-06-01T00:00:00Z")


def revisit(year: int, payload: str = "", status: str = "304 Not Modified") -> bytes:
    fields = {"WARC_Payload_Digest": payload} if payload else {}
    answer = http(b"", status=status)
    return record("revisit", URL, answer, WARC_Date=f"{year}-06-01T00:00:00Z", **fields)


def missing(year: int) -> bytes:
    return record("response", URL, http(b"", status="404 N"), WARC_Date=f"{year}-06-01T00:00:00Z")


EARLY, NEAR, LATE = response("early", 2013), response("near", 2015), response("late", 2020)
CUT = response("cut", 2015, WARC_Truncated="length")
THERE = response("there", 2015, url="http://a.test/2")

LOOK_UPS: list[tuple[str, Sequence[bytes], str]] = [
    ("the nearest to the mention", [EARLY, NEAR, LATE], "near"),
    ("a page before what is none", [missing(2015), LATE], "late"),
    ("a whole page before a cut one", [CUT, LATE], "late"),
    ("a cut page alone", [CUT], "too_large"),
    ("a redirect", [moved(2015, "/2"), THERE], "there"),
    ("a redirect as a revisit", [moved(2015, "/2", kind="revisit"), missing(2016), THERE], "there"),
    ("a redirect into the void", [moved(2015, "/login"), EARLY], "early"),
    ("a redirect into the void alone", [moved(2015, "/login")], "not_in_archive"),
    ("a redirect to no address", [moved(2015, "http://[")], "http_error"),
    ("two that lead to each other", [moved(2015, "/2"), moved(2015, "/1", "http://a.test/2")],
     "redirect_loop"),
    ("a redirect against the rules", [moved(2015, "http://blocked.test/"), EARLY], "off_limits"),
    ("a refresh", [response("x", 2015, "Refresh: 0; url=/2"), THERE], "there"),
    ("a refresh into the void", [response("x", 2015, "Refresh: 0; url=/login")], "x"),
    ("a body elsewhere", [revisit(2015, sha1_digest(page("early"))), EARLY], "early"),
    ("a page that had not changed", [revisit(2015), EARLY], "early"),
    ("a body that nobody has", [revisit(2015, "sha1:AAAA"), LATE], "late"),
    ("a body that nobody has, alone", [revisit(2015, "sha1:AAAA")], "not_in_archive"),
    ("an opt-out", [response("x", 2015, "X-Robots-Tag: a: b", "X-Robots-Tag: noai"), LATE],
     "opt_out_noai"),
    ("nothing", [THERE], "not_in_archive"),
]  # fmt: skip


@pytest.mark.parametrize(("records", "found"), [one[1:] for one in LOOK_UPS],
                         ids=[one[0] for one in LOOK_UPS])  # fmt: skip
def test_look_up(records: Sequence[bytes], found: str, tmp_path: Path) -> None:
    """`found` is the word of the page, or the outcome where there is none."""
    path, scratch = tmp_path / "a.warc.gz", str(tmp_path / "pages")
    path.write_bytes(packed(records))
    chosen = PagesSettings(source="warc", warc=(str(path),))
    indexes = [
        made.file.name
        for made in index_archive(Archive(str(path), 0, scratch, "key", chosen))
        if made.file
    ]
    rules = AddressRules.of({"block_domains": ["blocked.test"]})
    lookup = Lookup(0, 1, scratch, "key", tuple(indexes), chosen, rules)
    (made,) = look_up(lookup, [Dated(page_id(canonical_key(URL)), URL, MENTIONED)])
    assert made.file is not None
    (row,) = pq.read_table(Path(scratch) / made.file.name).to_pylist()
    if row["outcome"] == "ok":
        (kept,) = read_responses(row["warc_file"], [row["warc_offset"]])
        assert kept.body == page(found)
    else:
        assert row["outcome"] == found
