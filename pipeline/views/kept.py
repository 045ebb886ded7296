"""Whether what was removed for another page was removed for one that is in the corpus."""

from __future__ import annotations

from pipeline.store.corpus import Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.sql import Database

#: Tables that name in `kept_id` the page that stays: (stage, prefix of the files).
TABLES = (("dedup", "part-"), ("dedup", "passages-"), ("corpus", "decisions-"))
#: Of dedup before these versions nothing was promised: duplicates came before quality.
_BEFORE = ("1", "2", "3")


def check_kept(corpus: Corpus) -> int:
    """The number of rows that name such a page, over all intervals that are finished.

    Raises WebtextError that names the first row whose page is not in the corpus.
    """
    intervals = [
        name
        for name in corpus.intervals("dedup")
        if corpus.require("dedup", name).code_version not in _BEFORE
        and corpus.manifest("corpus", name)
    ]
    if not intervals:
        return 0
    database, rows = Database(), 0
    texts = database.table([path for i in intervals for path in corpus.paths("corpus", i)])
    for stage, prefix in TABLES:
        paths = [path for i in intervals for path in corpus.paths(stage, i, prefix)]
        if not paths:
            continue
        named = f"SELECT id, kept_id FROM {database.table(paths)} WHERE kept_id IS NOT NULL"
        wrong = database.ask(
            f"SELECT id, kept_id FROM ({named}) WHERE kept_id NOT IN (SELECT id FROM {texts}) "
            "ORDER BY id LIMIT 1"
        )
        if wrong:
            page, kept = wrong[0]
            raise WebtextError(
                f"Stage {stage} removes {page} for {kept}, which is not in the corpus",
                "Build the interval of the first and those behind it again",
            )
        rows += int(database.ask(f"SELECT count(*) FROM ({named})")[0][0])
    return rows
