"""The tables of a corpus as far as they are built, for the queries of its report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipeline.store.corpus import Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.sql import Database
from pipeline.views.show import table_paths


@dataclass
class Tables:
    """Answers SQL over the corpus; each table is a view that exists when the stage is built."""

    corpus: Corpus
    names: tuple[str, ...] = (
        "links",
        "fetches",
        "documents",
        "dedup",
        "passages",
        "verdicts",
        "corpus",
        "decisions",
    )
    there: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.database = Database()
        for name in self.names:
            try:
                paths = table_paths(self.corpus, name, None)
            except WebtextError:
                continue
            # Tables of older builds lack columns of newer ones.
            rows = self.database.table(paths, by_name=name in ("fetches", "verdicts"))
            self.database.ask(f'CREATE VIEW "{name}" AS SELECT * FROM {rows}')
            self.there.add(name)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.database.ask(query)

    def columns(self, name: str) -> set[str]:
        """The columns of a table that is built."""
        return {str(row[0]) for row in self.ask(f'DESCRIBE "{name}"')}

    def has(self, *names: str) -> bool:
        """True when all these tables are built."""
        return self.there.issuperset(names)
