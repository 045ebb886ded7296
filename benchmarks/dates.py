"""Days of publication beside htmldate's, on the pages that htmldate itself is tested with.

    git clone https://github.com/adbar/htmldate
    python benchmarks/dates.py htmldate

Its tests list some 1,000 pages with their day in two files; pages without one are left out.  Both
systems are given the page and its address; htmldate is asked for the original day, as its own
evaluation does.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import htmldate

from pipeline.documents.extract import extract
from pipeline.store.decode import decode

TODAY = date(2026, 11, 24)
LISTS = ("eval_default.json", "eval_mediacloud_2020.json")
FOLDERS = ("test_set", "cache", "eval")


@dataclass(frozen=True)
class DatedPage:
    """A page and the day on which it was published, as ISO text."""

    url: str
    html: str
    day: str


def read_pages(tests: Path, listing: str) -> Iterator[DatedPage]:
    """The pages of a list in the tests of htmldate whose day is known."""
    for url, known in json.loads((tests / listing).read_text("utf-8")).items():
        day = str(known["date"])
        if re.fullmatch(r"\d{4}-\d\d-\d\d", day):
            paths = (tests / folder / known["file"] for folder in FOLDERS)
            body = next(path for path in paths if path.is_file()).read_bytes()
            yield DatedPage(url, decode(body, "text/html")[0], day)


def theirs(page: DatedPage) -> str:
    """What htmldate finds."""
    found: str | None = htmldate.find_date(
        page.html, url=page.url, original_date=True, extensive_search=True
    )
    return found or ""


def measure(name: str, find: Callable[[DatedPage], str], pages: list[DatedPage]) -> None:
    """Prints how many days a system has right, wrong and not at all."""
    days = [find(page) for page in pages]
    right = sum(day == page.day for day, page in zip(days, pages, strict=True))
    given = sum(map(bool, days))
    print(f"  {name:<10} {right} right, {given - right} wrong, {len(pages) - given} none", end="")
    print(f"; precision {right / given:.3f}, recall {right / len(pages):.3f}")


def main() -> None:
    """Measures both systems on both lists."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("repository", type=Path, help="a clone of htmldate's repository")
    tests = parser.parse_args().repository / "tests"
    logging.disable(logging.CRITICAL)
    for listing in LISTS:
        pages = list(read_pages(tests, listing))
        print(f"{listing}: {len(pages)} pages")
        measure("webtext", lambda page: extract(page.html, page.url, TODAY).date, pages)
        measure("htmldate", theirs, pages)


if __name__ == "__main__":
    main()
