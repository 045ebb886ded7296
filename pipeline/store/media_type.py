"""What kind of file a body is: the label of the server, and the first bytes where it is no help.

The label is read as browsers read it (Fetch, "extract a MIME type": of several the last that is
one).  Labels that say nothing, or that servers send for what they do not know, give way to the
first bytes, by the rules of the WHATWG's MIME Sniffing; so does a label of XML or plain text
over what is plainly HTML.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

#: What of a body is looked at (MIME Sniffing, 5.2: "resource header").
_LOOKED_AT = 1_445
#: Bytes that text does not hold (MIME Sniffing, 3: "binary data byte").
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
#: How files begin that are certainly no text, whatever their label.
_NO_TEXT = (b"PK\x03\x04", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"\x1f\x8b", b"Rar!")
_PDF = b"%PDF-"

_TYPE = re.compile(r"\s*\"?([!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+)")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.I)
#: How a page of HTML begins (MIME Sniffing, 7.1), behind space and comments.
_BEGINS_AS_HTML = re.compile(
    rb"\s*(?:<!--.*?-->\s*|<\?.*?\?>\s*)*"
    rb"<(?:!doctype\s+html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p"
    rb"|meta|link|center|frameset)(?=[\s>/])",
    re.I | re.S,
)
_DOCUMENT = re.compile(
    rb"\s*(?:<!--.*?-->\s*|<\?.*?\?>\s*)*<(?:!doctype\s+html|html)(?=[\s>/])", re.I | re.S
)

Kind = Literal["html", "plain", "pdf", "other"]
_HTML = frozenset({"text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"})
_PLAIN = frozenset(
    {"text/plain", "text/markdown", "text/x-markdown", "text/x-web-markdown", "text/x-rst"}
)
_PDF_TYPES = frozenset({"application/pdf", "application/x-pdf"})
_XML = frozenset({"application/xml", "text/xml"})
#: Sent for whatever the server does not know.
_UNKNOWN = frozenset(
    {"", "*/*", "unknown/unknown", "application/unknown", "application/octet-stream",
     "application/x-httpd-php", "application/x-unknown-content-type", "binary/octet-stream",
     "content/unknown", "text/htm"}
)  # fmt: skip


class Label(NamedTuple):
    """A Content-Type as browsers read it: media type and character set, either may be empty."""

    media_type: str
    charset: str


def read_label(values: Sequence[str]) -> Label:
    """The media type of all Content-Type headers (Fetch, 2.2.2), in lower case, and its charset.

    A header may hold several, by commas.  The last that is a media type counts; the charset of
    one before holds on where it was of the same type.
    """
    media_type = charset = ""
    for part in ",".join(values).split(","):
        match, given = _TYPE.match(part), _CHARSET.search(part)
        named = match[1].lower() if match else ""
        if not named:
            charset = charset or (given[1] if given else "")
        if not named or named == "*/*":
            continue
        if given or named != media_type:
            charset = given[1] if given else ""
        media_type = named
    return Label(media_type, charset)


def reads_as_text(body: bytes) -> bool:
    """True for what may be text: a byte order mark, or no byte at its start that text lacks."""
    start = body[:_LOOKED_AT]
    return start.startswith(_BOMS) or not _BINARY.search(start)


def kind_of(media_type: str, body: bytes) -> Kind:
    """The kind of a decompressed body under a label of `read_label`."""
    start = body[:_LOOKED_AT]
    if start.lstrip().startswith(_PDF):
        return "pdf"
    if start.startswith(_NO_TEXT):
        return "other"
    if _says_nothing(media_type):
        return _sniffed(media_type, start)
    if media_type in _HTML or (media_type in _PLAIN | _XML and _DOCUMENT.match(start)):
        return "html"
    return "plain" if media_type in _PLAIN else "other"


def _says_nothing(media_type: str) -> bool:
    """Whether the first bytes decide: types of the unknown, and made-up ones of HTML."""
    return media_type in _UNKNOWN or ("html" in media_type and media_type not in _HTML)


def may_be(media_type: str, kinds: Sequence[str]) -> bool:
    """Whether a body under this label can be of one of `kinds`, by the label alone."""
    if _says_nothing(media_type):
        return True
    possible = {"html": _HTML | _PLAIN | _XML, "plain": _PLAIN, "pdf": _PDF_TYPES}
    return any(media_type in possible[kind] for kind in kinds)


def _sniffed(media_type: str, start: bytes) -> Kind:
    """The kind of a body whose label says nothing."""
    text = start.decode("utf-16", "replace").encode() if start[:2] in _BOMS[1:] else start
    if _BEGINS_AS_HTML.match(text.removeprefix(_BOMS[0])):
        return "html"
    if media_type.endswith("octet-stream") or not reads_as_text(start):
        return "other"
    # Servers that name no type are believed to send HTML; text without a tag reads as either.
    return "html" if b"<" in text else "plain"
