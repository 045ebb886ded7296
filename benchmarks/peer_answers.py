"""Has a program ask an origin for pages 0 to N-1; FOLDER/0.body and FOLDER/0.text are what it got.

    .venv-peers/bin/python benchmarks/peer_answers.py requests|scrapy ORIGIN N FOLDER

Run by `benchmarks/answers.py`, in the environment that `make peers` makes.  Both get what helps
them: Scrapy keeps what a broken connection brought, and neither asks again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def by_requests(origin: str, count: int, folder: Path) -> None:
    """One after the other, as its manual has it."""
    import requests

    for number in range(count):
        try:
            answer = requests.get(f"{origin}/{number}", timeout=5)
            keep(folder, number, answer.content, answer.text)
        except (requests.RequestException, ValueError, LookupError):
            continue


def by_scrapy(origin: str, count: int, folder: Path) -> None:
    """A spider with the manual's settings for broken answers."""
    import scrapy
    from scrapy.crawler import CrawlerProcess

    class Pages(scrapy.Spider):
        """Asks for all pages."""

        name = "pages"
        start_urls = tuple(f"{origin}/{number}" for number in range(count))

        def parse(self, response: Any) -> Iterator[None]:
            """Keeps what came."""
            number = int(response.url.rsplit("/", 1)[1])
            keep(folder, number, response.body, getattr(response, "text", ""))
            yield from ()

    process = CrawlerProcess(
        {
            "DOWNLOAD_FAIL_ON_DATALOSS": False,
            "DOWNLOAD_TIMEOUT": 5,
            "RETRY_ENABLED": False,
            "ROBOTSTXT_OBEY": False,
            "LOG_ENABLED": False,
            "TELNETCONSOLE_ENABLED": False,
        }
    )
    process.crawl(Pages)
    process.start()


def keep(folder: Path, number: int, body: bytes, text: str) -> None:
    """Writes what came for a page."""
    (folder / f"{number}.body").write_bytes(body)
    (folder / f"{number}.text").write_text(text, "utf-8", "replace")


def main(program: str, origin: str, count: str, folder: str) -> None:
    """Runs one of the two."""
    {"requests": by_requests, "scrapy": by_scrapy}[program](origin, int(count), Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
