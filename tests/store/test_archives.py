"""Archives of every format: what they hold, where it lies, and what is wrong with some."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
import zstandard
from archive_records import http, packed, record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.store import warc
from pipeline.store.archives import (
    BadRecordError,
    Note,
    Response,
    Revisit,
    captures,
    read_member,
    read_responses,
)
from pipeline.store.content_coding import TooLargeError
from pipeline.store.errors import WebtextError

PAGE = b"<html><body>words of a page</body></html>"
MOST = 1_000_000


RECORDS = [
    record("warcinfo", "", b"software: test\r\n", Content_Type="application/warc-fields"),
    record("request", "http://a.test/1", b"GET /1 HTTP/1.1\r\n\r\n"),
    record("response", "http://a.test/1", http(PAGE)),
    record("response", "http://a.test/old", http(b"", "Location: /1", status="301 Moved")),
    record("response", "http://a.test/3", http(PAGE)),
    record("response", "dns:a.test", b"20150601000000\na.test. 60 IN A 192.0.2.1\n"),
    record("resource", "http://a.test/4", PAGE, Content_Type="text/html"),
    record("resource", "urn:pageinfo:http://a.test/4", b"{}", Content_Type="application/json"),
]
ADDRESSES = ["http://a.test/1", "http://a.test/old", "http://a.test/3", "http://a.test/4"]


def arc_record(url: str, block: bytes) -> bytes:
    return f"{url} 192.0.2.1 20150601000000 text/html {len(block)}\n".encode() + block + b"\n"


ARC_HEAD = b"1 0 Test\nURL IP-address Archive-date Content-type Archive-length\n"
ARC = [
    arc_record("filedesc://test.arc", ARC_HEAD),
    arc_record("http://a.test/1", http(PAGE)),
    arc_record("http://a.test/old", http(b"", "Location: /1", status="301 Moved")),
    arc_record("http://a.test/3", http(PAGE)),
    arc_record("dns:a.test", b"a.test. 60 IN A 192.0.2.1\n"),
    arc_record("http://a.test/4", http(PAGE)),
]


def dictionary(*, compressed: bool) -> bytes:
    """The archive with a dictionary, in a frame of its own (WARC zstd, 1.0)."""
    made = zstandard.train_dictionary(
        1_024, [one[i : i + 90] for one in RECORDS for i in range(300)]
    )
    data = made.as_bytes()
    data = zstandard.compress(data) if compressed else data
    frame = b"\x5d\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data
    packer = zstandard.ZstdCompressor(dict_data=made, write_checksum=True)
    return frame + b"".join(packer.compress(one) for one in RECORDS)


def wacz(archive: bytes, compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as made:
        made.writestr("datapackage.json", b"{}")
        made.writestr("archive/data.warc.gz", archive)
        made.writestr("indexes/index.cdx", b"")
    return stream.getvalue()


FORMATS: dict[str, Callable[[], bytes]] = {
    "plain.warc": lambda: b"".join(RECORDS),
    "members.warc.gz": lambda: packed(RECORDS),
    "frames.warc.zst": lambda: b"".join(zstandard.compress(one) for one in RECORDS),
    "dictionary.warc.zst": lambda: dictionary(compressed=False),
    "compressed-dictionary.warc.zst": lambda: dictionary(compressed=True),
    "crawl.wacz": lambda: wacz(packed(RECORDS)),
    "plain.arc": lambda: b"".join(ARC),
    "members.arc.gz": lambda: packed(ARC),
    "named-otherwise": lambda: packed(RECORDS),
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats(name: str, tmp_path: Path) -> None:
    """All pages come, and each again from the byte at which its record begins."""
    path = tmp_path / name
    path.write_bytes(FORMATS[name]())
    responses = [one for one in captures(str(path), MOST) if isinstance(one, Response)]
    assert [one.url for one in responses] == ADDRESSES
    assert [one.status for one in responses] == [200, 301, 200, 200]
    assert {one.date for one in responses} == {1_433_116_800}
    assert responses[1].headers.values("location") == ["/1"]
    again = list(read_responses(str(path), [one.offset for one in responses]))
    assert again == responses
    assert [one.body for one in again] == [PAGE, b"", PAGE, PAGE]
    assert next(read_responses(str(path), [responses[2].offset])) == responses[2]


@pytest.mark.parametrize("name", FORMATS)
def test_a_body_beyond_the_cap_comes_cut(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FORMATS[name]())
    found = [one for one in captures(str(path), 10) if isinstance(one, Response) and one.body]
    assert len(found) == 3
    assert {(one.body, one.truncated) for one in found} == {(PAGE[:10], "length")}


DAMAGED = {
    "cut.warc.gz": (lambda: packed(RECORDS)[:-9], "its last record is incomplete"),
    "cut.arc.gz": (lambda: packed(ARC)[:-9], "incomplete"),
    "cut.arc": (lambda: b"".join(ARC)[:-9], "is cut"),
    "cut.warc.zst": (lambda: FORMATS["frames.warc.zst"]()[:-9], "cut or damaged"),
    "one-stream.warc.gz": (lambda: gzip.compress(b"".join(RECORDS)), "one gzip stream"),
    "one-stream.arc.gz": (lambda: gzip.compress(b"".join(ARC)), "one gzip stream"),
    "page.warc.gz": (lambda: gzip.compress(PAGE), "no record of a WARC or ARC"),
    "empty.warc": (lambda: b"", "no record of a WARC or ARC"),
    "junk.arc": (lambda: ARC[0] + b"words that are no record\n", "no first line"),
    "packed.wacz": (lambda: wacz(packed(RECORDS), zipfile.ZIP_DEFLATED), "compressed once more"),
    "other.wacz": (lambda: wacz(b"").replace(b"archive/data", b"archiv/edata"), "holds no archive"),
    "cut.wacz": (lambda: wacz(packed(RECORDS))[:-60], "cut or damaged"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_wrong_is_said(name: str, tmp_path: Path) -> None:
    make, why = DAMAGED[name]
    path = tmp_path / name
    path.write_bytes(make())
    with pytest.raises(WebtextError, match=why) as caught:
        list(captures(str(path), MOST))
    assert str(path) in str(caught.value)


def test_a_page_that_is_no_longer_there(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(packed(RECORDS))
    with pytest.raises(WebtextError, match="no response at byte 0"):
        next(read_responses(str(path), [0]))


def test_revisits_and_notes(tmp_path: Path) -> None:
    records = [
        record("revisit", "http://a.test/2", http(b""), WARC_Payload_Digest="sha1:AAAA"),
        record("metadata", "http://a.test/1", b"link: http://b.test/\r\nid: 7\r\n"),
    ]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(packed(records))
    date = 1_433_116_800
    assert list(captures(str(path), MOST)) == [
        Revisit("http://a.test/2", "sha1:AAAA", date),
        Note("http://a.test/1", {"link": "http://b.test/", "id": "7"}, date),
    ]


def test_a_revisit_of_a_redirect_stands_for_itself(tmp_path: Path) -> None:
    moved = http(b"", "Location: /1", status="301 Moved")
    path = tmp_path / "a.warc.gz"
    path.write_bytes(packed([record("revisit", "http://a.test/2", moved)]))
    (found,) = captures(str(path), MOST)
    assert isinstance(found, Response)
    assert (found.status, found.headers.values("location")) == (301, ["/1"])


def test_addresses_with_spaces_in_an_arc_file(tmp_path: Path) -> None:
    """As crawlers of the nineties left them; a media type may have some, too."""
    block = http(PAGE)
    line = f"http://a.test/x y 192.0.2.1 20150601000000 text/html; charset=x {len(block)}\n"
    path = tmp_path / "a.arc.gz"
    path.write_bytes(packed([ARC[0], line.encode() + block + b"\n"]))
    (found,) = captures(str(path), MOST)
    assert isinstance(found, Response)
    assert (found.url, found.date, found.body) == ("http://a.test/x y", 1_433_116_800, PAGE)


def test_what_the_writer_says_of_a_record_is_kept(tmp_path: Path) -> None:
    fields = {"WARC_Truncated": "time", "WARC_Payload_Digest": "sha1:AAAA"}
    path = tmp_path / "a.warc.gz"
    path.write_bytes(packed([record("response", "http://a.test/1", http(PAGE), **fields)]))
    (found,) = captures(str(path), MOST)
    assert isinstance(found, Response)
    assert (found.truncated, found.payload) == ("time", "sha1:AAAA")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(FORMATS)), st.floats(0, 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_archive_is_read_or_refused(
    tmp_path: Path, name: str, place: float, junk: bytes
) -> None:
    """With one line, never with another error; the archives of others are hostile input."""
    data = bytearray(FORMATS[name]())
    at = int(place * len(data))
    data[at : at + len(junk)] = junk
    path = tmp_path / name
    path.write_bytes(data)
    try:
        assert len(list(captures(str(path), MOST))) <= 10
    except WebtextError as error:
        assert str(path) in str(error)


def member(body: bytes, **fields: str) -> bytes:
    return packed([record("response", "http://a.test/1", http(body), **fields)])


def test_one_member() -> None:
    response, fields = read_member(member(PAGE), MOST)
    assert response.body == PAGE and fields["WARC-Date"] == "2015-06-01T00:00:00Z"
    digest = warc.sha1_digest(PAGE)
    assert read_member(member(PAGE, WARC_Payload_Digest=digest), MOST)[0].payload == digest


def test_a_digest_may_be_that_of_the_chunks() -> None:
    """wget's is; that of the body is what others give."""
    chunks = b"5\r\nwords\r\n0\r\n\r\n"
    block = http(chunks, "Transfer-Encoding: chunked")
    for data in (chunks, b"words"):
        digest = warc.sha1_digest(data)
        made = record("response", "http://a.test/1", block, WARC_Payload_Digest=digest)
        assert read_member(packed([made]), MOST)[0].body == b"words"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"no gzip", "no gzip data"),
        (member(PAGE)[:-5], "not one whole gzip member"),
        (member(PAGE) + b"more", "not one whole gzip member"),
        (gzip.compress(b"words", mtime=0), "no WARC record"),
        (packed(RECORDS[1:2]), "no response record"),
        (member(PAGE, WARC_Payload_Digest="sha1:AAAA"), "has not the digest"),
    ],
)
def test_members_that_are_not_as_they_should_be(data: bytes, why: str) -> None:
    with pytest.raises(BadRecordError, match=why):
        read_member(data, MOST)


def test_a_member_beyond_the_cap() -> None:
    with pytest.raises(TooLargeError):
        read_member(member(bytes(10_000)), 5_000)
