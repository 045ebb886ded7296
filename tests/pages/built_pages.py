"""A corpus of a few addresses, built as far as its pages from a server of the tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.build.build import StageResult, build
from pipeline.build.recipe import Recipe

from .crawling import PATIENT, SITE_FILES
from .hostile_server import HostileServer


@dataclass
class Corpus:
    """A corpus in the making, of a list of addresses, and what its server was asked last."""

    folder: Path
    server: HostileServer
    workers: int = 1
    said: list[str] = field(default_factory=list)
    links: dict[str, Any] = field(default_factory=dict)

    def build(
        self, urls: Sequence[str], until: str = "pages", retry: Sequence[str] = (), **pages: Any
    ) -> list[StageResult]:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "urls.txt").write_text("\n".join(urls))
        settings = {
            "via": self.server.origin,
            "allow_hosts": ["127.0.0.1"],
            "delay": 0.0,
            "timeout": PATIENT,
            "attempts": 1,
        }
        recipe = Recipe.checked(
            {
                "corpus": {"root": str(self.folder / "corpus")},
                "links": {
                    "sources": [{"kind": "urls", "path": str(self.folder / "urls.txt")}],
                    **self.links,
                },
                "pages": settings | pages,
                "documents": {"min_words": 1, "languages": []},
                "runner": {
                    "workers": self.workers,
                    "name": "dask" if self.workers > 1 else "local",
                },
            },
            "test",
        )
        self.server.asked.clear()
        self.said.clear()
        return build(recipe, until=until, retry=retry, say=self.said.append)

    @property
    def pages(self) -> Path:
        return self.folder / "corpus" / "pages" / "all"

    def ends(self) -> Counter[str]:
        tables = [pq.read_table(path) for path in self.pages.glob("fetches-*")]
        return Counter(row for table in tables for row in table["outcome"].to_pylist())

    def rows(self) -> dict[str, dict[str, Any]]:
        """The rows of the fetch tables by address."""
        tables = [pq.read_table(path) for path in self.pages.glob("fetches-*")]
        return {row["url"]: row for table in tables for row in table.to_pylist()}

    def asked(self) -> set[str]:
        """The pages asked for, without what comes before the first page of a site."""
        return {f"{host}{path}" for host, path in self.server.asked if path not in SITE_FILES}
