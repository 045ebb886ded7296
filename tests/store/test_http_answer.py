"""Answers of HTTP as servers send them: whole, in pieces of any size, cut, and as mere bytes."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.odd_answers import ANSWERS, PAGE
from pipeline.store.chunked import ChunkedBody, is_closed
from pipeline.store.content_coding import unpack
from pipeline.store.http_answer import (
    AnswerReader,
    Headers,
    Http2OnlyError,
    NoHttpError,
    parse_head,
    read_archived,
)
from pipeline.store.media_type import kind_of, read_label


def read(answer: bytes, step: int = 1 << 20) -> AnswerReader:
    """Reads an answer that comes in pieces, up to its end or that of the connection."""
    reader = AnswerReader()
    for start in range(0, len(answer), step):
        if reader.done:
            break
        reader.feed(answer[start : start + step])
    if not reader.done:
        reader.end()
    return reader


@pytest.mark.parametrize("name", ANSWERS)
def test_every_odd_answer_is_read(name: str) -> None:
    """Whatever the pieces in which it comes."""
    for step in (1 << 20, 61):
        reader = read(ANSWERS[name], step)
        assert reader.head is not None and reader.head.status // 100 == 2
        headers = reader.head.headers
        codings = [*headers.values("content-encoding"), *reader.head.transfer_codings]
        body = unpack(bytes(reader.body), ", ".join(codings), 1_000_000)
        assert body.data == PAGE
        kind = kind_of(read_label(headers.values("content-type")).media_type, body.data)
        assert kind in ("html", "plain")


@given(st.sampled_from(sorted(ANSWERS)), st.data())
def test_a_damaged_answer_is_read_or_refused(name: str, data: st.DataObject) -> None:
    """Bytes changed, left out or put in: never another error, and never without an end."""
    answer = bytearray(ANSWERS[name][:6_000])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, max(0, len(answer) - 1)))
        answer[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        reader = read(bytes(answer), data.draw(st.sampled_from([7, 500, 1 << 20])))
    except NoHttpError as error:
        assert str(error)
    else:
        assert reader.done and reader.head is not None


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "closed before"),
        (b"\r\n\r\n", "closed before"),
        (b"220 mail.example ESMTP\r\n", "another protocol"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "another protocol"),
        (b"\x15\x03\x01\x00\x02\x02\x16", "another protocol"),
        (b"HTTP/1.1 2 OK\r\n\r\n", "no status"),
        (b"HTTP/1.1 -12 OK\r\n\r\n", "no status"),
        (b"HTTP/1.1 20000 OK\r\n\r\n", "no status"),
        (b"words that are no answer", "no status line"),
        (bytes(200), "no status line"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "closed before"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "status 101"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 100, "status 100"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 60_000, "headers of more"),
    ],
)
def test_what_is_no_answer(answer: bytes, why: str) -> None:
    with pytest.raises(NoHttpError, match=why):
        read(answer)


def test_a_server_of_http2_alone_is_known_by_its_first_frame() -> None:
    with pytest.raises(Http2OnlyError):
        read(b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x10\x00\x00")


@pytest.mark.parametrize(
    ("head", "body", "whole", "reusable"),
    [
        (b"Content-Length: 4", b"body", True, True),
        (b"Content-Length: 4\r\nConnection: close", b"body", True, False),
        (b"Content-Length: 4", b"bodyHTTP/1.1", True, False),  # what is behind it is another's
        (b"Content-Length: 5", b"body", False, False),
        (b"X: y", b"body", True, False),
        (b"Transfer-Encoding: chunked", b"4\r\nbody\r\n0\r\n\r\n", True, True),
        (b"Transfer-Encoding: chunked", b"4\r\nbody\r\n0\r\nX: y\r\n\r\n", True, False),
        (b"Transfer-Encoding: chunked", b"4\r\nbody\r\n", False, False),
        (b"Transfer-Encoding: chunked", b"9\r\nbody", False, False),
    ],
)
def test_the_end_of_an_answer(head: bytes, body: bytes, whole: bool, reusable: bool) -> None:
    reader = read(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body)
    assert bytes(reader.body) == b"body"
    assert (reader.whole, reader.reusable) == (whole, reusable)


def test_a_broken_connection_ends_no_page_without_a_length() -> None:
    for broken, whole in ((False, True), (True, False)):
        reader = AnswerReader()
        reader.feed(b"HTTP/1.1 200 OK\r\n\r\nthe beginning")
        reader.end(broken=broken)
        assert reader.whole is whole


def test_some_answers_have_no_body() -> None:
    for status in (b"204 No Content", b"205 Reset Content", b"304 Not Modified"):
        assert read(b"HTTP/1.1 " + status + b"\r\nContent-Length: 9\r\n\r\n").reusable


def test_a_chunk_that_is_longer_than_its_size() -> None:
    """Some servers count characters."""
    text = "Größe und Länge".encode()
    coded = b"%x\r\n%s\r\n3\r\nabc\r\n0\r\n\r\n" % (len(text) - 2, text)
    for step in (1, 5, 100):
        body = ChunkedBody()
        for start in range(0, len(coded), step):
            body.feed(coded[start : start + step])
        assert bytes(body.data) == text + b"abc" and body.whole


def test_a_chunk_without_end_takes_no_time() -> None:
    """Megabytes in which no size comes are not searched again and again."""
    body = ChunkedBody()
    body.feed(b"1\r\na")
    for _ in range(400):
        body.feed(b"words without a size " * 1_000)
    body.end()
    assert len(body.data) == 1 + 400 * 21_000 and not body.whole


@pytest.mark.parametrize(
    ("page", "closed"),
    [
        (b"<html><body>words</body></html>", True),
        (b"<html>words</HTML >\r\n<!-- 0.2 s --> <!-- cached -->\n", True),
        (b"<html>words</body>", True),
        (b"<html>words</html> and more", False),
        (b"<html>words</htm", False),
        (b"", False),
        (b"</html>" + b"<!--" * 1_000, False),
    ],
)
def test_a_page_shows_that_it_is_whole(page: bytes, closed: bool) -> None:
    assert is_closed(page) is closed


def test_headers_by_name() -> None:
    head = parse_head(b"HTTP/1.1 200 Fine\r\nA: 1\r\nb:2\r\na : 3\r\n  four\r\nX Y: 5\r\nZ\r\n\r\n")
    assert (head.status, head.reason, head.version) == (200, "Fine", "1.1")
    assert head.headers.values("a") == ["1", "3 four"]
    assert head.headers.joined("a") == "1, 3 four" and head.headers.joined("c") == ""
    assert list(head.headers) == [("A", "1"), ("b", "2"), ("a", "3 four")]


def test_headers_can_be_stored() -> None:
    head = parse_head(b"HTTP/1.1 200 \xff\r\nA: \xe9\xff\x00\x01\r\nB: \xc3\xa9\r\n\r\n")
    assert head.headers.pairs == (("A", "éÿ"), ("B", "é"))
    assert all(value.encode() for _, value in head.headers)


def test_an_archived_answer_ends_with_its_record() -> None:
    """Whatever its headers say: archives undo chunks and codings and keep the headers."""
    block = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nwords"
    head, body = read_archived(block)
    assert body == b"words" and head.headers.joined("content-length") == "3"
    _, body = read_archived(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwords\r\n0\r\n"
    )
    assert body == b"words"
    packed = gzip.compress(b"words", mtime=0)
    _, body = read_archived(b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + packed)
    assert body == packed


def test_headers_hold_for_any_case() -> None:
    assert Headers([("X-Robots-Tag", "noai")]).values("x-robots-tag") == ["noai"]
