"""Plain text as a content type: line ends, control characters and blank lines made regular."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from pipeline.documents.page import Extracted
from pipeline.documents.published import date_in_path

_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ufeff]")
_BLANK_LINES = re.compile(r"\n{3,}")


def extract_plain(text: str, url: str, latest: date) -> Extracted:
    """A plain text as a document: its lines are kept, since they may be verse, code or tables."""
    return Extracted(regular(text), date=date_in_path(url, latest))


def regular(text: str) -> str:
    """Text with "\\n" as line end, no control characters, at most one blank line in a row."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n")
    text = _CONTROLS.sub("", text)
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    return unicodedata.normalize("NFC", _BLANK_LINES.sub("\n\n", text).strip("\n"))
