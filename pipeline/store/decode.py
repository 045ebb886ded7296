"""From a decompressed body to text: the choice of the character set.

The order is that of browsers where it can be known (byte order mark, header, meta), then strict
UTF-8, then detection: of 1,040 real pages 1,013 were valid UTF-8.  A label is kept though some
bytes do not fit, which become U+FFFD as in browsers; it falls where it leaves more holes than
characters beyond ASCII, and where the body is UTF-8 beyond doubt (17 of 3,880 manual pages).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

from pipeline.store.media_type import read_label


class Decoded(NamedTuple):
    """Text, its character set, and how that was chosen."""

    text: str
    encoding: str
    how: str  # bom | header | meta | utf-8 | detected


_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: How markup begins in UTF-16 without a mark.
_ZEROS = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_META = re.compile(rb"<meta[\s/]([^>]{0,1000})>?", re.I)
_ATTRIBUTE = re.compile(rb"([\w-]+)\s*=\s*(?:\"([^\"]*)\"?|'([^']*)'?|([^\s>]+))")
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.I)
_XML = re.compile(rb"\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.:-]+)", re.I)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.S)
#: Labels that servers send by default, whatever the page is in.
_ONE_BYTE = frozenset({"windows-1252", "iso8859-15"})
_META_BYTES = 4096  # browsers look at 1024; real pages put long scripts before it
#: What browsers decode under a name (WHATWG Encoding, 4.2) where Python's codec knows fewer
#: characters, and the web's name where resiliparse gives Python's.
_WIDER = {
    "big5": "big5hkscs",
    "cp1252": "windows-1252",
    "euc_jp": "euc_jis_2004",
    "euc_kr": "cp949",
    "gbk": "gb18030",
    "iso2022_jp": "iso2022_jp_ext",
    "iso8859-11": "cp874",
    "shift_jis": "cp932",
}
#: Labels of the WHATWG's list that resiliparse leaves out.  Browsers read nothing in the last
#: two, since they hide markup from filters; for text they are what they say.
_OTHERS = {
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-ukrainian": "mac-cyrillic",
    "hz-gb-2312": "hz",
    "iso-2022-kr": "iso2022_kr",
}
#: Characters beyond ASCII that read as UTF-8: so many are no chance in text of another set.
_BEYOND_CHANCE = 8
_FEW = 10  # of so many characters beyond ASCII one may be broken


class _Reading:
    """A body read as one character set, with U+FFFD for what does not fit."""

    def __init__(self, body: bytes, name: str) -> None:
        self.name, self.text = name, body.decode(name, "replace")

    @cached_property
    def holes(self) -> int:
        return self.text.count("\ufffd")

    @cached_property
    def good(self) -> int:
        """Characters beyond ASCII that were read."""
        return len(self.text) - len(self.text.encode("ascii", "ignore")) - self.holes

    @property
    def mostly_holes(self) -> bool:
        return self.holes > 0 and self.holes > self.good

    @property
    def beyond_doubt(self) -> bool:
        """True where the body can hardly be in another set, if this one is UTF-8."""
        return self.good >= _BEYOND_CHANCE and self.holes * _FEW <= self.good


def decode(body: bytes, content_type: str) -> Decoded:
    """The text of a page; never fails, bytes that do not fit become U+FFFD.

    `content_type` is the header's value, several joined by commas.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return Decoded(body.removeprefix(mark).decode(name, "replace"), name, "bom")
    utf8 = _Reading(body, "utf-8")
    for label, how in _labels(body, content_type):
        charset = _standard_name(label)
        if charset and not _contradicted(charset, how, body, utf8):
            reading = utf8 if charset == "utf-8" else _Reading(body, charset)
            if not reading.mostly_holes:
                return Decoded(reading.text, charset, how)
    if found := _utf16(body):
        return found
    if utf8.holes == body.count(b"\xef\xbf\xbd"):  # those of the page itself, if any
        return Decoded(utf8.text, "utf-8", "utf-8")
    return _detected(body, utf8)


def _contradicted(charset: str, how: str, body: bytes, utf8: _Reading) -> bool:
    """True where the bytes speak against a label."""
    if charset.startswith("utf-16"):
        # Markup in UTF-16 has zeros; a meta element that can be read is in another set.
        return how == "meta" or b"\0" not in body
    if charset == "utf-8":
        return False
    # Text in a one-byte set is hardly ever valid UTF-8 by chance: the label is wrong.
    by_default = charset in _ONE_BYTE and not utf8.holes and not body.isascii()
    return by_default or utf8.beyond_doubt


def _utf16(body: bytes) -> Decoded | None:
    for start, name in _ZEROS:
        if body.startswith(start):
            return Decoded(body.decode(name, "replace"), name, "detected")
    return None


def _detected(body: bytes, utf8: _Reading) -> Decoded:
    """By its bytes alone.

    The detector says UTF-8 for a page with a few curly quotes in windows-1252 (556 of 2,556
    manual pages), and for UTF-8 that was cut in the middle of a character as well.
    """
    name = _standard_name(detect_encoding(body) or "") or "windows-1252"
    if utf8.beyond_doubt or (name == "utf-8" and not utf8.mostly_holes):
        return Decoded(utf8.text, "utf-8", "detected")
    name = "windows-1252" if name == "utf-8" else name
    return Decoded(body.decode(name, "replace"), name, "detected")


def _labels(body: bytes, content_type: str) -> Iterator[tuple[str, str]]:
    """The labels of a page, as the server and the page give them, and where they stood."""
    if charset := read_label([content_type]).charset:
        yield charset, "header"
    head = body[:_META_BYTES]
    if b"<!--" in head:
        head = _COMMENT.sub(b"", head)
    if declared := _meta_label(head):
        yield declared, "meta"
    elif match := _XML.match(head):
        yield match[1].decode(), "meta"


def _meta_label(head: bytes) -> str:
    """The charset of the first meta element that declares one (HTML, 13.2.3.2); or empty."""
    for tag in _META.finditer(head):
        values: dict[bytes, bytes] = {
            name.lower(): double or single or bare
            for name, double, single, bare in reversed(_ATTRIBUTE.findall(tag[1]))
        }
        if b"charset" in values:
            return values[b"charset"].strip().decode("latin-1")
        if values.get(b"http-equiv", b"").strip().lower() == b"content-type":
            match = _CHARSET.search(values.get(b"content", b""))
            if match:
                return match[1].decode("latin-1")
    return ""


def _standard_name(label: str) -> str:
    """The character set that browsers take a label for; empty for one they do not know.

    Python knows more names than the web does, some of them dangerous (`idna` takes
    quadratic time, `utf-7` hides markup), so its own look-up is not asked.
    """
    label = label.strip().lower()
    name: str = map_encoding_to_html5(label, fallback_utf8=False) or _OTHERS.get(label, "")
    return _WIDER.get(name, name)
