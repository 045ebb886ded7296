"""Answers as servers really give them: each one breaks a rule, and each one holds a whole page.

The kinds are those of RFC 9110 and 9112 that name what a recipient may forgive, of the tests
of curl (`tests/data`), of Chromium's `HttpStreamParser` and of the web platform tests.  The
server closes the connection behind each answer.  `benchmarks/answers.py` has other programs
read them, `tests/pages/test_odd_answers.py` the crawler.
"""

from __future__ import annotations

import gzip
import zlib

import brotli
import zstandard

_LINE = "Nobody had seen the river as high as in that spring, and the mill stood in it. "
#: The page that each answer holds; long enough that compression and chunks have work to do.
PAGE = (
    "<!doctype html><html lang=en><head><meta charset=utf-8><title>The flood</title></head>"
    f"<body><article><h1>The flood</h1><p>{_LINE * 25}Caf\u00e9.</p></article></body></html>\n"
).encode()

_HTML = "Content-Type: text/html"
_CHUNKED = "Transfer-Encoding: chunked"


def _head(*lines: str, first: str = "HTTP/1.1 200 OK", end: str = "\r\n") -> bytes:
    """Status line and headers, with the blank line behind them."""
    return end.join([first, *lines, "", ""]).encode("latin-1")


def _of(body: bytes, *lines: str, first: str = "HTTP/1.1 200 OK", end: str = "\r\n") -> bytes:
    """An answer with a right Content-Length behind other lines."""
    return _head(*lines, f"Content-Length: {len(body)}", first=first, end=end) + body


def _chunks(body: bytes, *, size: str = "{:x}", end: bytes = b"\r\n", last: bytes = b"0") -> bytes:
    """The body in chunks of 900 bytes, the last chunk and its empty trailer included."""
    pieces = [body[start : start + 900] for start in range(0, len(body), 900)]
    coded = b"".join(size.format(len(p)).encode() + end + p + end for p in pieces)
    return coded + last + end + end


def _chunked(coded: bytes, *lines: str) -> bytes:
    return _head(_HTML, _CHUNKED, *lines) + coded


def _raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def _flushed_gzip(body: bytes) -> bytes:
    """As a server makes it that sends the beginning before it knows the rest."""
    packer = zlib.compressobj(wbits=31)
    start = packer.compress(body[:700]) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + packer.compress(body[700:]) + packer.flush()


def _encoded(body: bytes, encoding: str) -> bytes:
    return _of(body, _HTML, f"Content-Encoding: {encoding}")


_GZIP = gzip.compress(PAGE, mtime=0)
_FULL = _of(PAGE, _HTML)

STATUS_LINES: dict[str, bytes] = {
    "no-reason": _of(PAGE, _HTML, first="HTTP/1.1 200"),
    "two-spaces": _of(PAGE, _HTML, first="HTTP/1.1  200  OK"),
    "tab": _of(PAGE, _HTML, first="HTTP/1.1\t200\tOK"),
    "lower-case": _of(PAGE, _HTML, first="http/1.1 200 ok"),
    "no-version": _of(PAGE, _HTML, first="HTTP 200 OK"),
    "version-1": _of(PAGE, _HTML, first="HTTP/1 200 OK"),
    "version-1.2": _of(PAGE, _HTML, first="HTTP/1.2 200 OK"),
    "version-2": _of(PAGE, _HTML, first="HTTP/2 200"),
    "version-1.0": _head(_HTML, first="HTTP/1.0 200 OK") + PAGE,
    "icy": _of(PAGE, _HTML, first="ICY 200 OK"),
    "glued-reason": _of(PAGE, _HTML, first="HTTP/1.1 200OK"),
    "latin-1-reason": _of(PAGE, _HTML, first="HTTP/1.1 200 tr\xe8s bien"),
    "digits-as-reason": _of(PAGE, _HTML, first="HTTP/1.1 200 200"),
    "long-reason": _of(PAGE, _HTML, first="HTTP/1.1 200 " + "fine " * 4_000),
    "cgi": _of(PAGE, _HTML, first="Status: 200 OK"),
    "headers-alone": _of(PAGE, "Server: small", first=_HTML),
    "blank-lines-before": b"\r\n\r\n\n" + _FULL,
    "byte-order-mark-before": b"\xef\xbb\xbf" + _FULL,
    "junk-before": b"0\r\n\r\nWarning: disk almost full in /srv/x on line 3\n" + _FULL,
    "http-0.9": PAGE,
    "one-continue": _head(first="HTTP/1.1 100 Continue") + _FULL,
    "early-hints": _head("Link: </a.css>; rel=preload", first="HTTP/1.1 103 Early Hints") * 3
    + _FULL,
    "203": _of(PAGE, _HTML, first="HTTP/1.1 203 Non-Authoritative Information"),
    "206-whole": _of(
        PAGE,
        _HTML,
        f"Content-Range: bytes 0-{len(PAGE) - 1}/{len(PAGE)}",
        first="HTTP/1.1 206 Partial Content",
    ),
}

HEADERS: dict[str, bytes] = {
    "line-feeds-alone": _of(PAGE, _HTML, end="\n"),
    "line-ends-mixed": _head(_HTML, end="\n")[:-1]
    + f"Content-Length: {len(PAGE)}\r\n\n".encode()
    + PAGE,
    "carriage-returns-alone": _of(PAGE, _HTML, end="\r"),
    "folded": _of(PAGE, "Content-Type: text/html;\r\n charset=utf-8"),
    "folded-by-tab": _of(PAGE, "Content-Type:\r\n\ttext/html"),
    "space-first": _of(PAGE, f" {_HTML}"),
    "space-before-colon": _of(PAGE, "Content-Type : text/html", "X-A : 1"),
    "space-in-name": _of(PAGE, _HTML, "X Bad: 1"),
    "no-colon": _of(PAGE, _HTML, "just a line"),
    "no-name": _of(PAGE, _HTML, ": a value"),
    "no-value": _of(PAGE, _HTML, "X-A:", "X-B:   "),
    "blank-line-of-spaces": _of(PAGE, _HTML, "   "),
    "control": _of(PAGE, _HTML, "X-A: a\x01b"),
    "nul": _of(PAGE, _HTML, "X-A: a\x00b"),
    "nul-in-name": _of(PAGE, _HTML, "X\x00A: ab"),
    "carriage-return-inside": _of(PAGE, _HTML, "X-A: a\rb"),
    "latin-1": _of(PAGE, _HTML, "X-A: \xe9\xff"),
    "utf-8-name": _of(PAGE, _HTML, "X-\xc3\xa9: 1"),
    "markup": _of(PAGE, _HTML, "<!-- cached -->", "<b>Notice</b>: line 3"),
    "many": _of(PAGE, _HTML, *(f"Set-Cookie: c{number}=1" for number in range(300))),
    "thousands": _of(PAGE, _HTML, *(f"X-{number}: 1" for number in range(3_000))),
    "20-kb": _of(PAGE, _HTML, "Content-Security-Policy: " + "a.example " * 2_000),
    "100-kb": _of(PAGE, _HTML, "Content-Security-Policy: " + "a.example " * 10_000),
    "upgrade": _of(PAGE, _HTML, "Upgrade: h2,h2c", "Connection: Upgrade"),
    "no-blank-line": _head(_HTML)[:-2] + PAGE,
    "second-status-line": _of(PAGE, "HTTP/1.1 200 OK", _HTML),
}

LENGTHS: dict[str, bytes] = {
    "twice-the-same": _head(_HTML, *[f"Content-Length: {len(PAGE)}"] * 2) + PAGE,
    "comma": _head(_HTML, f"Content-Length: {len(PAGE)}, {len(PAGE)}") + PAGE,
    "two-lengths": _head(_HTML, "Content-Length: 3", f"Content-Length: {len(PAGE)}") + PAGE,
    "larger": _head(_HTML, f"Content-Length: {len(PAGE) + 10}") + PAGE,
    "negative": _head(_HTML, "Content-Length: -1") + PAGE,
    "empty": _head(_HTML, "Content-Length:") + PAGE,
    "words": _head(_HTML, "Content-Length: chunked") + PAGE,
    "plus": _head(_HTML, f"Content-Length: +{len(PAGE)}") + PAGE,
    "fraction": _head(_HTML, f"Content-Length: {len(PAGE)}.0") + PAGE,
    "beyond-all": _head(_HTML, f"Content-Length: {'9' * 30}") + PAGE,
    "more-behind-it": _of(PAGE, _HTML) + b"\r\n<!-- by a proxy -->",
    "none-kept-alive": _head(_HTML, "Connection: keep-alive") + PAGE,
    "of-the-unpacked": _head(_HTML, "Content-Encoding: gzip", f"Content-Length: {len(PAGE)}")
    + _GZIP,
}

TRANSFER: dict[str, bytes] = {
    "and-length": _chunked(_chunks(PAGE), "Content-Length: 7"),
    "capitals": _head(_HTML, "Transfer-Encoding: CHUNKED") + _chunks(PAGE),
    "identity": _of(PAGE, _HTML, "Transfer-Encoding: identity"),
    "identity-chunked": _head(_HTML, "Transfer-Encoding: identity, chunked") + _chunks(PAGE),
    "chunked-twice": _head(_HTML, _CHUNKED, _CHUNKED) + _chunks(PAGE),
    "unknown": _of(PAGE, _HTML, "Transfer-Encoding: none"),
    "gzip": _head(_HTML, "Transfer-Encoding: gzip, chunked") + _chunks(_GZIP),
    "label-alone": _chunked(PAGE),
    "label-and-length": _head(_HTML, _CHUNKED, f"Content-Length: {len(PAGE)}") + PAGE,
    "no-label": _head(_HTML) + _chunks(PAGE),
    "chunks-in-chunks": _chunked(_chunks(_chunks(PAGE))),
    "chunks-under-a-length": _of(_chunks(PAGE), _HTML),
    "extension": _chunked(_chunks(PAGE, size="{:x};a=b;c")),
    "spaces-behind-size": _chunked(_chunks(PAGE, size="{:x}   ")),
    "spaces-before-size": _chunked(_chunks(PAGE, size="  {:x}")),
    "zeros-before-size": _chunked(_chunks(PAGE, size="{:016X}")),
    "prefix-0x": _chunked(_chunks(PAGE, size="0x{:x}")),
    "line-feeds-alone": _chunked(_chunks(PAGE, end=b"\n")),
    "last-is-000": _chunked(_chunks(PAGE, last=b"000")),
    "trailer": _chunked(_chunks(PAGE)[:-2] + b"Expires: never\r\nX-A: 1\r\n\r\n"),
    "trailer-with-nul": _chunked(_chunks(PAGE)[:-2] + b"X-A: a\x00b\r\n\r\n"),
    "no-last-chunk": _chunked(_chunks(PAGE)[:-5]),
    "no-end-of-last": _chunked(_chunks(PAGE)[:-2]),
    "last-size-too-large": _chunked(f"{len(PAGE) + 90:x}\r\n".encode() + PAGE),
    "junk-in-place-of-last": _chunked(_chunks(PAGE)[:-5] + b"<!-- end -->\r\n"),
    "no-line-end-behind-chunk": _chunked(
        b"".join(f"{len(p):x}\r\n".encode() + p for p in (PAGE[:900], PAGE[900:])) + b"0\r\n\r\n"
    ),
    "version-1.0": _head(_HTML, _CHUNKED, first="HTTP/1.0 200 OK") + _chunks(PAGE),
}

ENCODINGS: dict[str, bytes] = {
    "none": _encoded(PAGE, "none"),
    "blank": _encoded(PAGE, ""),
    "identity": _encoded(PAGE, "identity"),
    "utf-8": _encoded(PAGE, "UTF-8"),
    "binary": _encoded(PAGE, "binary"),
    "8bit": _encoded(PAGE, "8bit"),
    "aws-chunked": _encoded(PAGE, "aws-chunked"),
    "text-html": _encoded(PAGE, "text/html"),
    "gzip-but-plain": _encoded(PAGE, "gzip"),
    "deflate-but-plain": _encoded(PAGE, "deflate"),
    "brotli-but-plain": _encoded(PAGE, "br"),
    "zstd-but-plain": _encoded(PAGE, "zstd"),
    "gzip": _encoded(_GZIP, "gzip"),
    "x-gzip": _encoded(_GZIP, "X-GZIP"),
    "gzip-in-quotes": _encoded(_GZIP, '"gzip"'),
    "gzip-with-parameter": _encoded(_GZIP, "gzip;q=1.0"),
    "gzip-and-utf-8": _encoded(_GZIP, "gzip, utf-8"),
    "gzip-without-trailer": _encoded(_GZIP[:-4], "gzip"),
    "gzip-without-both-trailers": _encoded(_GZIP[:-8], "gzip"),
    "gzip-with-wrong-checksum": _encoded(_GZIP[:-8] + b"\0\0\0\0" + _GZIP[-4:], "gzip"),
    "gzip-with-wrong-size": _encoded(_GZIP[:-4] + b"\0\0\0\0", "gzip"),
    "gzip-with-zeros-behind": _encoded(_GZIP + bytes(200), "gzip"),
    "gzip-with-junk-behind": _encoded(_GZIP + b"<!-- cached -->", "gzip"),
    "gzip-with-blank-line-before": _encoded(b"\r\n" + _GZIP, "gzip"),
    "gzip-in-two-members": _encoded(
        gzip.compress(PAGE[:700], mtime=0) + gzip.compress(PAGE[700:], mtime=0), "gzip"
    ),
    "gzip-by-flushes": _encoded(_flushed_gzip(PAGE), "gzip"),
    "gzip-without-label": _of(_GZIP, _HTML),
    "gzip-as-deflate": _encoded(_GZIP, "deflate"),
    "gzip-as-brotli": _encoded(_GZIP, "br"),
    "gzip-as-utf-8": _encoded(_GZIP, "utf-8"),
    "gzip-twice": _encoded(gzip.compress(_GZIP, mtime=0), "gzip, gzip"),
    "gzip-twice-said-once": _encoded(gzip.compress(_GZIP, mtime=0), "gzip"),
    "gzip-once-said-twice": _encoded(_GZIP, "gzip, gzip"),
    "gzip-in-two-headers": _of(_GZIP, _HTML, *["Content-Encoding: gzip"] * 2),
    "deflate": _encoded(zlib.compress(PAGE), "deflate"),
    "deflate-raw": _encoded(_raw_deflate(PAGE), "deflate"),
    "deflate-without-checksum": _encoded(zlib.compress(PAGE)[:-4], "deflate"),
    "deflate-without-label": _of(zlib.compress(PAGE), _HTML),
    "deflate-as-gzip": _encoded(zlib.compress(PAGE), "gzip"),
    "deflate-raw-as-gzip": _encoded(_raw_deflate(PAGE), "gzip"),
    "brotli": _encoded(brotli.compress(PAGE), "br"),
    "brotli-by-its-full-name": _encoded(brotli.compress(PAGE), "brotli"),
    "brotli-without-label": _of(brotli.compress(PAGE), _HTML),
    "brotli-with-junk-behind": _encoded(brotli.compress(PAGE) + b"\r\n", "br"),
    "brotli-as-gzip": _encoded(brotli.compress(PAGE), "gzip"),
    "gzip-then-brotli": _encoded(brotli.compress(_GZIP), "gzip, br"),
    "zstd": _encoded(zstandard.compress(PAGE), "zstd"),
    "zstd-in-two-frames": _encoded(
        zstandard.compress(PAGE[:700]) + zstandard.compress(PAGE[700:]), "zstd"
    ),
    "zstd-behind-a-frame-to-skip": _encoded(
        b"\x50\x2a\x4d\x18\x04\0\0\0skip" + zstandard.compress(PAGE), "zstd"
    ),
    "zstd-without-label": _of(zstandard.compress(PAGE), _HTML),
}

TYPES: dict[str, bytes] = {
    "none": _of(PAGE),
    "blank": _of(PAGE, "Content-Type:"),
    "two": _of(PAGE, _HTML, "Content-Type: text/html; charset=utf-8"),
    "comma": _of(PAGE, "Content-Type: text/html, text/html; charset=utf-8"),
    "semicolons": _of(PAGE, "Content-Type: text/html;;charset=utf-8;"),
    "capitals": _of(PAGE, "Content-Type: TEXT/HTML; CHARSET=UTF-8"),
    "spaces": _of(PAGE, "Content-Type:   text/html   ;   charset = utf-8"),
    "quotes": _of(PAGE, 'Content-Type: "text/html"; charset="utf-8"'),
    "no-semicolon": _of(PAGE, "Content-Type: text/html charset=utf-8"),
    "charset-alone": _of(PAGE, "Content-Type: charset=utf-8"),
    "html": _of(PAGE, "Content-Type: html"),
    "text": _of(PAGE, "Content-Type: text"),
    "text-slash": _of(PAGE, "Content-Type: text/"),
    "made-up-html": _of(PAGE, "Content-Type: application/html"),
    "htm": _of(PAGE, "Content-Type: text/htm"),
    "xhtml": _of(PAGE, "Content-Type: application/xhtml+xml"),
    "wap": _of(PAGE, "Content-Type: application/vnd.wap.xhtml+xml"),
    "stars": _of(PAGE, "Content-Type: */*"),
    "unknown": _of(PAGE, "Content-Type: unknown/unknown"),
    "application-unknown": _of(PAGE, "Content-Type: application/unknown"),
    "octets": _of(PAGE, "Content-Type: application/octet-stream"),
    "x-httpd-php": _of(PAGE, "Content-Type: application/x-httpd-php"),
    "xml": _of(PAGE, "Content-Type: application/xml"),
    "text-xml": _of(PAGE, "Content-Type: text/xml; charset=utf-8"),
    "plain": _of(PAGE, "Content-Type: text/plain"),
    "markdown": _of(PAGE, "Content-Type: text/markdown; charset=utf-8"),
    "no-sniff": _of(PAGE, "X-Content-Type-Options: nosniff"),
}

#: All answers by name: `KIND/CASE`.
ANSWERS: dict[str, bytes] = {
    f"{kind}/{name}": answer
    for kind, answers in (
        ("status line", STATUS_LINES),
        ("headers", HEADERS),
        ("length", LENGTHS),
        ("transfer", TRANSFER),
        ("encoding", ENCODINGS),
        ("type", TYPES),
    )
    for name, answer in answers.items()
}
