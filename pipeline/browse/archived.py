"""A page as it was archived, made safe to look at."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from pipeline.browse.catalogue import Catalogue
from pipeline.documents.read import read_pages
from pipeline.store.decode import decode
from pipeline.store.errors import WebtextError
from pipeline.store.media_type import kind_of, read_label
from pipeline.store.own_texts import MEDIA_TYPE, unpacked_text

#: Bytes of a page, unpacked; more is not shown.
MOST_BYTES = 10_000_000
#: Characters of a text that are shown: browsers lay out no line of millions.
MOST_CHARACTERS = 400_000
_SECONDS = 60  # by the clock; `safe_markup` limits its processor time by itself


@dataclass(frozen=True)
class ArchivedMarkup:
    """The markup of a page as it may be shown; where there is none, `why` not."""

    html: str = ""
    text: str = ""
    why: str = ""


def fetch_of(catalogue: Catalogue, page: str) -> dict[str, Any] | None:
    """The last row of the fetch table that has a page's body; None where none has."""
    rows = catalogue.ask(
        "SELECT * EXCLUDE (filename) FROM fetches WHERE id = ? AND outcome = 'ok' "
        "AND warc_file <> '' ORDER BY interval DESC LIMIT 1",
        [page],
    )
    return rows[0] if rows else None


def archived_page(catalogue: Catalogue, page: str) -> ArchivedMarkup:
    """The page of an id as it lies in its archive."""
    fetch = fetch_of(catalogue, page)
    if fetch is None:
        return ArchivedMarkup(why="No archive has this page.")
    folder = catalogue.corpus.folder("pages", fetch["interval"])
    try:
        ((_, body, outcome),) = read_pages(folder, [fetch], MOST_BYTES)
    except (WebtextError, OSError) as error:
        return ArchivedMarkup(why=f"The archive cannot be read: {error}")
    if outcome:
        return ArchivedMarkup(why=f"The page cannot be shown: {outcome}.")
    return _shown(body, fetch["content_type"] or "")


def _shown(body: bytes, content_type: str) -> ArchivedMarkup:
    media_type = read_label([content_type]).media_type
    if media_type == MEDIA_TYPE:
        return ArchivedMarkup(text=_beginning(unpacked_text(body)["text"]))
    kind = kind_of(media_type, body)
    if kind == "html":
        html = _cleaned(decode(body, content_type).text)
        return ArchivedMarkup(html=html, why="" if html else "Its markup takes too long to read.")
    if kind == "plain":
        return ArchivedMarkup(text=_beginning(decode(body, content_type).text))
    return ArchivedMarkup(why=f"The page is no HTML but {content_type or 'of an unknown type'}.")


def _beginning(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]} […]"


def _cleaned(markup: str) -> str:
    """The page by `safe_markup`, in a process of its own: some markup takes for ever."""
    command = [sys.executable, "-P", "-m", "pipeline.browse.safe_markup"]
    try:
        done = subprocess.run(
            command,
            input=markup.encode(errors="replace"),
            capture_output=True,
            check=True,
            timeout=_SECONDS,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode()
