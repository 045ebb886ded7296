"""What the pages of a browser are made from: the corpus, its catalogue, its indexes, its runs."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from multidict import MultiMapping

from pipeline.browse.catalogue import Catalogue, stage_fingerprints
from pipeline.browse.search_index import SearchIndexes
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError, WebtextError


class NotThereError(WebtextError):
    """No page has this address."""


@dataclass(frozen=True)
class View:
    """A template and what it shows."""

    template: str
    values: Mapping[str, Any]


class BrowsedCorpus:
    """One corpus as it is at this moment; `refresh` takes in what was built meanwhile."""

    def __init__(self, corpus: Corpus, indexes: Path, runs: str | None = None) -> None:
        self.corpus = corpus
        self.runs = runs
        self._folder = indexes
        self._lock = threading.Lock()
        self._open()

    def _open(self) -> None:
        self.catalogue = Catalogue(self.corpus)
        self.indexes = SearchIndexes(self.catalogue, self._folder)
        self._maker = threading.Thread(target=self.indexes.make, name="search index")
        self._maker.start()

    def refresh(self) -> None:
        """Reads the corpus anew where a stage was built since; what is asked meanwhile goes on."""
        with self._lock:
            if stage_fingerprints(self.corpus) != self.catalogue.stages:
                self.indexes.stop()
                self._maker.join()
                self._open()

    def view(self, maker: Maker, query: MultiMapping[str], name: str) -> View:
        """What a maker gives; of the corpus as it is now where files went while it was at work."""
        catalogue = self.catalogue
        try:
            return maker(self, query, name)
        except SettingError:
            raise
        except (WebtextError, duckdb.Error, sqlite3.Error):
            self.refresh()
            if self.catalogue is catalogue:
                raise
            return maker(self, query, name)

    def close(self) -> None:
        """Ends what runs beside the browsing."""
        self.indexes.stop()
        self.catalogue.close()
        self._maker.join()


#: Makes a view from what follows a page's address, and what its address names, such as an id.
Maker = Callable[[BrowsedCorpus, MultiMapping[str], str], View]
