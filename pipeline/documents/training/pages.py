"""Labelled pages: JSON lines in WCXB's layout, as many files as there are.

A line has `url`, `html`, and one of: `main_content`, the true text; `with` and `without`, phrases
that must and must not be in it; neither, and what trafilatura and resiliparse agree on is taken.
`page_type` names the kind of page in reports; `weight` (1) says how much the page counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import orjson
import tldextract
import trafilatura
from resiliparse.extract.html2text import extract_plain_text

from pipeline.store import files
from pipeline.store.chance import chance_of
from pipeline.store.errors import WebtextError
from pipeline.store.textfiles import read_lines


@dataclass(frozen=True, slots=True)
class LabelledPage:
    """A page, what is known of its text, and the set (the file's name) that it is of."""

    url: str
    html: str
    kind: str
    source: str
    weight: float
    truth: str | None
    wanted: tuple[str, ...]
    unwanted: tuple[str, ...]

    @property
    def domain(self) -> str:
        """The registered domain: pages of one are always in the same fold."""
        host = urlsplit(self.url).hostname or self.url
        return _suffixes()(host).top_domain_under_public_suffix or host

    def fold(self, folds: int) -> int:
        """In which of `folds` parts the page is left out, by the hash of its domain."""
        return int(chance_of(self.domain, "fold") * folds)


def read_pages(paths: Sequence[str]) -> Iterator[LabelledPage]:
    """The pages of files, in order; WebtextError names the file and line of a bad one."""
    for path in paths:
        source = files.name_of(path).split(".", 1)[0]
        for number, line in enumerate(read_lines(path), start=1):
            if line.strip():
                try:
                    values = orjson.loads(line)
                    yield _page(values, source)
                except (ValueError, KeyError, TypeError) as error:
                    raise WebtextError(
                        f"{path}, line {number}: {error}",
                        "Each line is a JSON object with `url`, `html` and `main_content`, or "
                        "`with` and `without`",
                    ) from None


def _page(row: dict[str, Any], source: str) -> LabelledPage:
    truth = row.get("main_content")
    return LabelledPage(
        url=str(row.get("url") or ""),
        html=str(row["html"]),
        kind=str(row.get("page_type") or "all"),
        source=source,
        weight=float(row.get("weight", 1)),
        truth=None if truth is None else str(truth),
        wanted=tuple(map(str, row.get("with") or ())),
        unwanted=tuple(map(str, row.get("without") or ())),
    )


def others_texts(html: str) -> list[str]:
    """The text of a page by two extractors that share no code: trafilatura and resiliparse."""
    return [
        trafilatura.extract(html, include_comments=False, deduplicate=False) or "",
        extract_plain_text(html, main_content=True, alt_texts=False) or "",
    ]


@cache
def _suffixes() -> tldextract.TLDExtract:
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
