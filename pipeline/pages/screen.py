"""Whether a body that came whole is a page of text that may be used, and in which characters.

The same questions are asked of the web, of archives, of Common Crawl and of the
Wayback Machine, so that a page has the same outcome wherever it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pipeline.pages.optout import opted_out
from pipeline.pages.outcomes import Outcome
from pipeline.pages.settings import PagesSettings
from pipeline.store.decode import BadEncodingError, TooLargeError, decode, unpack

#: Media types by kind; servers that name none are believed to send HTML.
_TYPES = {
    "html": frozenset({"text/html", "application/xhtml+xml", ""}),
    "plain": frozenset({"text/plain"}),
    "pdf": frozenset({"application/pdf", "application/x-pdf"}),
}
_PDF = b"%PDF"
_NO_TEXT = (b"PK\x03\x04", b"\x89PNG", b"\xff\xd8\xff", b"GIF8")


class Judged(NamedTuple):
    """The outcome of a body, and its character set with how that was chosen."""

    outcome: Outcome
    error: str = ""
    charset: str = ""
    charset_by: str = ""


def media_type(content_type: str) -> str:
    """The type alone, in lower case."""
    return content_type.split(";", maxsplit=1)[0].strip().lower()


def is_wanted(content_type: str, settings: PagesSettings) -> bool:
    """True for the media types of the kinds that the settings name."""
    kind = media_type(content_type)
    return any(kind in _TYPES[wanted] for wanted in settings.content_types)


def judge(body: bytes, headers: Mapping[str, str], settings: PagesSettings) -> Judged:
    """Content encoding, first bytes, opt-out and character set of a body as received.

    `headers` have lower-case names.
    """
    try:
        plain = unpack(body, headers.get("content-encoding", ""), settings.max_bytes)
    except BadEncodingError as error:
        return Judged(Outcome.BAD_ENCODING, str(error))
    except TooLargeError as error:
        return Judged(Outcome.TOO_LARGE, str(error))
    beginning = plain[:512].lstrip()
    is_pdf = beginning.startswith(_PDF)
    if beginning.startswith(_NO_TEXT) or (is_pdf and "pdf" not in settings.content_types):
        return Judged(Outcome.CONTENT_TYPE, "by its first bytes")
    refusal = opted_out(headers, plain, settings.user_agent)
    if refusal is not None:
        return Judged(*refusal)
    if is_pdf:
        return Judged(Outcome.OK)
    _, charset, charset_by = decode(plain, headers.get("content-type", ""))
    return Judged(Outcome.OK, "", charset, charset_by)
