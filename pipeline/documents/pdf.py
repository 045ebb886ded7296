"""PDF as a content type, by PDFium (pypdfium2, BSD-3-Clause and Apache-2.0).

PDF knows places of letters, not paragraphs.  PDFium gives lines; here lines that
stand on most pages in the same place (running titles, page numbers) are dropped,
and lines are joined to paragraphs where the one before is full.
It runs in the killable child like everything that reads hostile bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from importlib import import_module
from typing import Any

from pipeline.documents.dating import find_day, plain_day
from pipeline.documents.page import Extracted
from pipeline.documents.plain import regular

#: Pages that are read at most: a book.  Longer files are cut, not dropped.
MAX_PAGES = 1_000
#: A line at the edge of this share of the pages is a running title.
_RUNNING = 0.5
#: A line of less than this share of the usual width (that of the widest tenth) ends its
#: paragraph.
_FULL = 0.8
_EDGE = 2  # lines from the top and the bottom of a page
_LIST = re.compile(r"\s*(?:[•◦▪*–-]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s")


def extract_pdf(body: bytes, latest: date) -> Extracted:
    """Text, title and date of a PDF; no text for one of pictures, or one that cannot be read."""
    pdfium: Any = import_module("pypdfium2")  # an extra: see settings.py
    try:
        document = pdfium.PdfDocument(body)
    except pdfium.PdfiumError:  # damaged, or locked by a password
        return Extracted("")
    pages = []
    for number in range(min(len(document), MAX_PAGES)):
        text = document[number].get_textpage().get_text_bounded()
        pages.append(text.replace("\r\n", "\n").replace("\ufffe", "-").split("\n"))
    about = document.get_metadata_dict()
    created = about.get("CreationDate", "").removeprefix("D:")[:8]
    day = plain_day(created, latest) or find_day(created, latest)
    title = " ".join(about.get("Title", "").split())
    return Extracted(
        regular("\n\n".join(paragraphs(without_running(pages)))),
        title,
        day.isoformat() if day else "",
    )


def without_running(pages: list[list[str]]) -> Iterator[str]:
    """The lines of all pages without those that run through them, numbers aside."""
    edges = Counter(key for page in pages for key in {_key(line) for line in _edge_lines(page)})
    running = {key for key, count in edges.items() if count > 2 and count > _RUNNING * len(pages)}
    for page in pages:
        last = len(page) - _EDGE
        for i, line in enumerate(page):
            if not ((i < _EDGE or i >= last) and _key(line) in running):
                yield line


def paragraphs(lines: Iterable[str]) -> Iterator[str]:
    """Lines joined to paragraphs; hyphens at line ends that part a word are taken away."""
    listed = [line.strip() for line in lines]
    widths = sorted(len(line) for line in listed if line)
    full = _FULL * widths[len(widths) * 9 // 10] if widths else 0.0
    paragraph = ""
    for line in listed:
        if not line or _LIST.match(line) or not paragraph:
            if paragraph:
                yield paragraph
            paragraph = line
        elif paragraph.endswith("-") and line[0].islower():
            paragraph = paragraph[:-1] + line
        else:
            paragraph += " " + line
        if paragraph and len(line) < full and not line.endswith("-"):
            yield paragraph
            paragraph = ""
    if paragraph:
        yield paragraph


def _edge_lines(page: list[str]) -> list[str]:
    return page[:_EDGE] + page[-_EDGE:]


def _key(line: str) -> str:
    """A line without its page number."""
    return re.sub(r"\d+|\b[ivxlc]+\b", "#", line.strip().lower())
