"""Fertility of the tokenizers: tokens a word and bytes a token, by language and by domain."""

from __future__ import annotations

from pipeline.store.corpus import Corpus
from pipeline.store.sql import Database

_TOP = 10  # languages and domains of each tokenizer, those with the most documents
_OF = {
    "language": "c.language",
    "domain": "regexp_extract(c.url, '^[a-z]+://([^/:?#]+)', 1)",
}


def fertility(corpus: Corpus, database: Database) -> list[tuple[str, str, str, int, float, float]]:
    """(tokenizer, kind, language or domain, documents, tokens a word, bytes a token).

    The accepted texts are the view `corpus` of the database.  Tokens are counted with the
    end token of each document.
    """
    rows: list[tuple[str, str, str, int, float, float]] = []
    for stage in corpus.token_stages():
        name = stage.removeprefix("tokens/")
        paths = [
            path
            for interval in corpus.intervals(stage)
            for path in corpus.paths(stage, interval, "documents-")
        ]
        if not paths:
            continue
        tokens = database.table(paths)
        for kind, value in _OF.items():
            rows_of_kind = database.ask(
                f"SELECT {value}, count(*), sum(t.length) / greatest(sum(c.words), 1), "
                "sum(strlen(c.text)) / greatest(sum(t.length), 1) FROM corpus c "
                f"JOIN {tokens} t USING (id) "
                f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_TOP}"
            )
            rows += [(name, kind, v, n, round(a, 3), round(b, 3)) for v, n, a, b in rows_of_kind]
    return rows
