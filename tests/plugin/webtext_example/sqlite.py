"""A source of pages: those that another crawler has kept in a database."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from pipeline.pages.captures import Dated
from pipeline.pages.records import Capture
from pipeline.pages.stored import StoredPages
from pipeline.store import files
from pipeline.store.http_answer import Headers
from pipeline.store.settings import Settings


class SqliteSettings(Settings):
    """`[pages.sqlite]`."""

    path: str = ""
    """The database: its table `pages` has the columns `url`, `type`, `body` and `fetched`."""


class Sqlite(StoredPages):
    """Pages by the address under which they were kept."""

    settings = SqliteSettings
    own: SqliteSettings

    def check(self) -> None:
        """The database must be named."""
        if not self.own.path:
            raise ValueError('pages.sqlite.path is empty; name the database, such as "pages.db"')

    def files(self) -> list[str]:
        """The database."""
        return files.matching(self.own.path, "pages.sqlite.path")

    def find(self, link: Dated) -> Capture | None:
        """The page of a link, with the day when it was fetched."""
        query = "SELECT type, body, fetched FROM pages WHERE url = ?"
        with closing(sqlite3.connect(f"file:{self.own.path}?mode=ro", uri=True)) as database:
            row = database.execute(query, [link.url]).fetchone()
        if row is None:
            return None
        kind, body, fetched = row
        return Capture(link.url, 200, Headers([("content-type", kind)]), body, fetched)
