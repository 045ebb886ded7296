"""From bytes to text: content encodings with caps, and the choice of the character set."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.pages.decode import BadEncodingError, TooLargeError, decode, unpack

TEXT = "Füße auf Größe, ça et là".encode()
RAW = zlib.compressobj(wbits=-15)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT)),
        ("X-GZIP", gzip.compress(TEXT)),
        ("gzip", gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:])),
        ("gzip", gzip.compress(TEXT) + b"rubbish"),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", RAW.compress(TEXT) + RAW.flush()),
        ("br", brotli.compress(TEXT)),
        ("gzip, br", brotli.compress(gzip.compress(TEXT))),
    ],
)
def test_unpacks(encoding: str, body: bytes) -> None:
    assert unpack(body, encoding, 1_000) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate"])
def test_a_bomb_costs_no_more_than_the_cap(encoding: str) -> None:
    packed = {"gzip": gzip.compress, "br": brotli.compress, "deflate": zlib.compress}
    with pytest.raises(TooLargeError):
        unpack(packed[encoding](bytes(5_000_000)), encoding, 100_000)


@given(st.binary(max_size=300), st.integers(1, 3_000))
def test_large_brotli_bodies_come_whole(piece: bytes, times: int) -> None:
    body = piece * times
    assert unpack(brotli.compress(body, quality=3), "br", 1_000_000) == body


@given(st.binary(max_size=400), st.sampled_from(["gzip", "br", "deflate", "", "gzip, br", "x"]))
def test_any_bytes_unpack_or_are_refused(body: bytes, encoding: str) -> None:
    try:
        assert len(unpack(body, encoding, 10_000)) <= 10_000
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
    ],
)
def test_the_choice_is_told(body: bytes, content_type: str, encoding: str, how: str) -> None:
    decoded = decode(body, content_type)
    assert (decoded.encoding, decoded.how) == (encoding, how)
    assert "F" in decoded.text and "\ufffd" not in decoded.text


@given(st.binary(max_size=300), st.sampled_from(["", "text/html; charset=utf-8", "charset=gbk"]))
def test_never_fails(body: bytes, content_type: str) -> None:
    assert isinstance(decode(body, content_type).text, str)
