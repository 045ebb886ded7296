"""Fertility of the tokenizers: tokens a word and bytes a token, by language and by domain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.store.corpus import Corpus

_TOP = 10  # languages and domains of each tokenizer, those with the most documents
_OF = {
    "language": "c.language",
    "domain": "regexp_extract(c.url, '^[a-z]+://([^/:?#]+)', 1)",
}


def fertility(
    corpus: Corpus, ask: Callable[[str], list[tuple[Any, ...]]]
) -> list[tuple[str, str, str, int, float, float]]:
    """(tokenizer, kind, language or domain, documents, tokens a word, bytes a token).

    `ask` answers SQL over the corpus, whose accepted texts are the view `corpus`.  Tokens
    are counted with the end token of each document.
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
        listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
        for kind, value in _OF.items():
            rows_of_kind = ask(
                f"SELECT {value}, count(*), sum(t.length) / greatest(sum(c.words), 1), "
                "sum(strlen(c.text)) / greatest(sum(t.length), 1) FROM corpus c "
                f"JOIN read_parquet([{listed}]) t USING (id) "
                f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_TOP}"
            )
            rows += [(name, kind, v, n, round(a, 3), round(b, 3)) for v, n, a, b in rows_of_kind]
    return rows
