"""From bytes to text: content encodings with caps, and the choice of the character set."""

from __future__ import annotations

import gzip
import re
import tracemalloc
import zlib
from pathlib import Path

import brotli
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.store.archives import responses
from pipeline.store.content_coding import BadEncodingError, TooLargeError, unpack
from pipeline.store.decode import decode

LABEL = re.compile(r"<\?xml[^>]*>|<meta[^>]*charset[^>]*>", re.I)
TEXT = "Füße auf Größe, ça et là".encode()
RAW = zlib.compressobj(wbits=-15)


#: Without the time of packing: it would be part of the tests' names, which must not change.
PACKED = gzip.compress(TEXT, mtime=0)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", PACKED),
        ("X-GZIP", PACKED),
        ("gzip", gzip.compress(TEXT[:9], mtime=0) + gzip.compress(TEXT[9:], mtime=0)),
        ("gzip", PACKED + b"rubbish"),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", RAW.compress(TEXT) + RAW.flush()),
        ("br", brotli.compress(TEXT)),
        ("gzip, br", brotli.compress(PACKED)),
    ],
)
def test_unpacks(encoding: str, body: bytes) -> None:
    assert unpack(body, encoding, 1_000).data == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate"])
def test_a_bomb_costs_no_more_than_the_cap(encoding: str) -> None:
    packed = {"gzip": gzip.compress, "br": brotli.compress, "deflate": zlib.compress}
    with pytest.raises(TooLargeError):
        unpack(packed[encoding](bytes(5_000_000)), encoding, 100_000)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, gzip"])
def test_a_bomb_takes_no_memory(encoding: str) -> None:
    """200 MB of zeros, or 40 times as many: what is held stays near the cap of 1 MB."""
    zeros = bytes(1_000_000)
    packer = zlib.compressobj(9, zlib.DEFLATED, 15 if encoding == "deflate" else 31)
    body = b"".join(packer.compress(zeros) for _ in range(200)) + packer.flush()
    if encoding == "br":
        body = brotli.compress(bytes(200_000_000), quality=1)
    if encoding == "gzip, gzip":
        body = gzip.compress(body * 40)
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            unpack(body, encoding, 1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@example(b"\x50\x2a\x4d\x18\x00\x00\x00\x00", 1)  # as a frame of zstd, to be skipped
@given(st.binary(max_size=300), st.integers(1, 3_000))
def test_large_brotli_bodies_come_whole(piece: bytes, times: int) -> None:
    body = piece * times
    assert unpack(brotli.compress(body, quality=3), "br", 1_000_000).data == body


@given(st.binary(min_size=1, max_size=2_000), st.floats(0, 1))
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_of_data_that_are_cut_what_came_is_read(coding: str, piece: bytes, place: float) -> None:
    """And it is said that they are; a checksum that is missing is no loss."""
    body = piece * 3
    packed = {
        "gzip": lambda data: gzip.compress(data, mtime=0),
        "deflate": zlib.compress,
        "br": brotli.compress,
        "zstd": zstandard.compress,
    }[coding](body)
    cut = packed[: int(place * len(packed))]
    try:
        found = unpack(cut, coding, 100_000)
    except BadEncodingError:
        return  # nothing of it can be read
    assert not found.codings or body.startswith(found.data)
    assert not found.whole or not found.codings or found.data == body


@given(st.binary(max_size=2_000), st.floats(0, 1), st.integers(1, 255))
def test_damaged_data_are_read_or_refused(body: bytes, place: float, other: int) -> None:
    data = bytearray(gzip.compress(body * 3, mtime=0))
    data[min(int(place * len(data)), len(data) - 1)] ^= other
    try:
        assert len(unpack(bytes(data), "gzip", 100_000).data) <= 100_000
    except (BadEncodingError, TooLargeError) as error:
        assert str(error)


@given(st.binary(max_size=400), st.sampled_from(["gzip", "br", "deflate", "", "gzip, br", "x"]))
def test_any_bytes_unpack_or_are_refused(body: bytes, encoding: str) -> None:
    try:
        assert len(unpack(body, encoding, 10_000).data) <= 10_000
    except (BadEncodingError, TooLargeError) as error:
        assert str(error)


@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "how"),
    [
        (b"\xef\xbb\xbf" + TEXT, "text/html; charset=koi8-r", "utf-8", "bom"),
        ("Füße".encode("utf-16"), "", "utf-16-le", "bom"),
        (TEXT, "text/html; charset=UTF-8", "utf-8", "header"),
        (TEXT.decode().encode("cp1252"), "text/html; charset=latin1", "windows-1252", "header"),
        (b'<meta charset="utf-8">' + TEXT, "text/html", "utf-8", "meta"),
        (b"<meta charset=bogus>" + TEXT, "text/html", "utf-8", "utf-8"),
        (TEXT, "", "utf-8", "utf-8"),
        (TEXT, "text/html; charset=iso-8859-1", "utf-8", "utf-8"),
        ("Füße".encode("utf-16-le"), "text/html; charset=utf-16le", "utf-16-le", "header"),
        (TEXT, "text/html; charset=utf-16", "utf-8", "utf-8"),
        (b'<meta charset="utf-16">' + TEXT, "", "utf-8", "utf-8"),
        (b"<!-- <meta charset=koi8-r> --><meta charset=utf-8>" + TEXT, "", "utf-8", "meta"),
        (b"<!-- never closed <meta charset=koi8-r>" + TEXT, "", "utf-8", "utf-8"),
        (
            b'<?xml version="1.0" encoding="ISO-8859-2"?>' + "Fůj".encode("iso8859-2"),
            "",
            "iso8859-2",
            "meta",
        ),
        (
            b'<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">F'
            + "Слово".encode("cp1251"),
            "",
            "cp1251",
            "meta",
        ),
        # Labels that mean a wider set on the web than the one they name.
        ("F①髙".encode("cp932"), "text/html; charset=Shift_JIS", "cp932", "header"),
        ("F镕€".encode("gb18030"), "text/html; charset=gb2312", "gb18030", "header"),
        ("F똠".encode("cp949"), "text/html; charset=ks_c_5601-1987", "cp949", "header"),
        # Names that Python knows and the web does not, for good reasons.
        (b"F+AGE-", "text/html; charset=utf-7", "utf-8", "utf-8"),
        (b"F xn--a", "text/html; charset=idna", "utf-8", "utf-8"),
        (b"F \\u0041", "text/html; charset=unicode_escape", "utf-8", "utf-8"),
        (b"F cm90", "text/html; charset=rot13", "utf-8", "utf-8"),
        # UTF-8 with a broken character is still UTF-8.
        (TEXT * 3 + b"\xc3", "", "utf-8", "detected"),
        # A label that the bytes contradict falls to the next in line.
        (b"<meta charset=euc-jp>F" + " é à è".encode("cp1252"), "", "windows-1252", "detected"),
    ],
)
def test_the_choice_is_told(body: bytes, content_type: str, encoding: str, how: str) -> None:
    decoded = decode(body, content_type)
    assert (decoded.encoding, decoded.how) == (encoding, how)
    assert "F" in decoded.text and decoded.text.count("\ufffd") == body.endswith(b"\xc3")


@given(st.binary(max_size=300), st.sampled_from(["", "text/html; charset=utf-8", "charset=gbk"]))
def test_never_fails(body: bytes, content_type: str) -> None:
    assert isinstance(decode(body, content_type).text, str)


@pytest.mark.system
@pytest.mark.parametrize("charset", ["cp1252", "cp1250", "iso8859-15"])
def test_real_pages_without_a_label(shared_data: Path, charset: str) -> None:
    """Real pages in an older set, all labels taken away: how often the text comes back whole."""
    right = tried = 0
    for response in responses(str(shared_data / "pages" / "docs.warc.gz")):
        text = LABEL.sub("", response.body.decode("utf-8", "replace"))
        if text.isascii() or text.encode(charset, "ignore").decode(charset) != text:
            continue
        tried += 1
        right += decode(text.encode(charset), "text/html").text == text
        if tried == 40:
            break
    assert tried == 40
    assert right >= 38, f"{right} of {tried}"
