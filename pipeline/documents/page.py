"""A page on its way through extraction: what goes to the child process, and what comes back.

Without the libraries that read pages, which the child alone imports.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it was received, decompressed."""

    url: str
    body: bytes
    content_type: str
    #: The day of fetching: no page can be younger.
    fetched: date


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a page says.  `text` is empty where there is no main text."""

    text: str
    title: str = ""
    date: str = ""  # ISO day, or empty
    canonical: str = ""
    extractor: str = ""  # blocks | trafilatura | running | json-ld; empty where nothing was found


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a page: `ok` with a document, or why there is none.

    Outcomes: ok, empty, too_short, language, language_score, too_large, bad_encoding,
    too_many_tags, content_type, timeout, memory, crash, error.  `value` is what was measured
    against the limit (words, probability, bytes, tags, seconds); `error` says more in words.
    """

    outcome: str
    value: float = 0.0
    error: str = ""
    language: str = ""
    language_score: float = 0.0
    document: Extracted = field(default_factory=lambda: Extracted(""))

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the pipe between the processes."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Verdict:
        """The inverse of `to_json`."""
        return cls(**{**values, "document": Extracted(**values["document"])})
