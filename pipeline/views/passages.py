"""Whether each passage that was left out stays where the table says, by the texts themselves."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.store.corpus import Corpus
from pipeline.store.cuts import Span, read_cuts, without
from pipeline.store.errors import WebtextError
from pipeline.store.sql import Database
from pipeline.store.unspaced import words_and_characters

_REMEDY = "Build dedup of the interval of the first and those behind it again"
#: Each passage on both pages; SQL counts characters from 1.
_COMPARED = """
SELECT p.id, p.interval, p.start, p.stop, substring(d.text, p.start + 1, p.stop - p.start),
    p.kept_id, k.interval, p.kept_start, p.kept_stop,
    substring(k.text, p.kept_start + 1, p.kept_stop - p.kept_start)
FROM passages p JOIN texts d ON d.id = p.id AND d.interval = p.interval
JOIN texts k ON k.id = p.kept_id ORDER BY p.id, p.start
"""
_LEFT_OUT_TOO = """
SELECT p.id, p.kept_id FROM passages p JOIN passages k ON k.id = p.kept_id
WHERE k.start < p.kept_stop AND p.kept_start < k.stop ORDER BY p.id, p.start LIMIT 1
"""


def check_passages(corpus: Corpus) -> int:
    """The number of passages that were compared with the text of the page that keeps them.

    Raises WebtextError for the first that is not there: the texts differ, or it was left out there
    as well.  Passages that are kept elsewhere than in this corpus cannot be compared.
    """
    intervals = [i for i in corpus.intervals("dedup") if corpus.manifest("corpus", i)]
    paths = {i: corpus.paths("dedup", i, "passages-") for i in intervals}
    if not any(paths.values()):
        return 0
    database = Database()
    _name(database, "passages", {i: _rows(database, found) for i, found in paths.items() if found})
    _name(database, "texts", {i: _live(database, corpus, i) for i in intervals})
    for page, kept in database.ask(_LEFT_OUT_TOO):
        raise WebtextError(f"Page {kept} lost what page {page} was cut for", _REMEDY)
    cuts = {
        interval: read_cuts(corpus.paths("quality", interval, "cuts-")) for interval in intervals
    }
    count = 0
    for batch in database.batches(_COMPARED):
        for page, interval, start, stop, text, kept, there, first, last, its in batch:
            one = _inner(text, start, stop, cuts[interval].get(page, ()))
            other = _inner(its, first, last, cuts[there].get(kept, ()))
            if words_and_characters(one) != words_and_characters(other):
                raise WebtextError(
                    f"Characters {start:,} to {stop:,} of page {page} are not those of {kept}, "
                    "which is to keep them",
                    _REMEDY,
                )
            count += 1
    return count


def _name(database: Database, name: str, rows: dict[str, str]) -> None:
    """A view of the rows of all intervals."""
    parts = [f"SELECT *, '{interval}' AS interval FROM {found}" for interval, found in rows.items()]
    database.ask(f"CREATE VIEW {name} AS {' UNION ALL '.join(parts)}")


def _rows(database: Database, paths: list[str]) -> str:
    return f"{database.table(paths)} WHERE kept_id IS NOT NULL"


def _live(database: Database, corpus: Corpus, interval: str) -> str:
    """The documents of an interval that are in the corpus: a page crawled anew is only once."""
    documents = database.table(corpus.paths("documents", interval))
    ids = database.table(corpus.paths("corpus", interval))
    return f"(SELECT id, text FROM {documents} WHERE id IN (SELECT id FROM {ids}))"


def _inner(text: str, start: int, stop: int, cuts: Iterable[Span]) -> str:
    """A passage without the repeated lines within it; `cuts` are spans of the whole page."""
    inner = [(max(a, start) - start, min(b, stop) - start) for a, b in cuts]
    return without(text, [(a, b) for a, b in inner if a < b])
