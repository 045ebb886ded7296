"""`webtext why`: the life of one link, from its mentions on Reddit to its tokens.

It only joins what the stages recorded, by id, so what it says is what decided.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipeline.store.addresses import canonical_key, page_id
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.sql import Database
from pipeline.views.cell import cell

#: What is looked up, in the order of a page's life: (title, stage, prefix of the files).
_STEPS = (
    ("link", "links", "part-"),
    ("fetch", "pages", "fetches-"),
    ("document", "documents", "part-"),
    ("dropped at extraction", "documents", "drops-"),
    ("measurements", "quality", "part-"),
    ("left out of the text", "quality", "cuts-"),
    ("duplicate", "dedup", "part-"),
    ("passage that is left out", "dedup", "passages-"),
    ("decision", "corpus", "decisions-"),
    ("measurements without its passages", "corpus", "measurements-"),
)
#: Of tables with several rows a page.
_ORDER = dict.fromkeys(("cuts-", "passages-"), "ORDER BY start")


@dataclass
class Life:
    """What each stage recorded of one page: (title, interval, row)."""

    id: str
    steps: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def as_plain(self) -> dict[str, Any]:
        """For programs."""
        names = ("step", "interval", "row")
        return {
            "id": self.id,
            "steps": [dict(zip(names, step, strict=True)) for step in self.steps],
        }


def life_of(corpus: Corpus, page: str) -> Life:
    """Looks a page up by id or by any form of its address.

    Raises WebtextError when no stage knows it.
    """
    is_id = len(page) == 32 and all(c in "0123456789abcdef" for c in page)
    life = Life(page if is_id else page_id(canonical_key(page)))
    for title, stage, prefix in _STEPS:
        _collect(corpus, life, title, stage, prefix)
    for stage in corpus.token_stages():
        _collect(corpus, life, "tokens", stage, "documents-")
    if not life.steps:
        raise WebtextError(
            f"{corpus.root} knows nothing of {page} (id {life.id})",
            "Check the address; `webtext show ROOT links --where \"url LIKE '%…%'\"` searches",
        )
    return life


def page_of_token(corpus: Corpus, token: str) -> str:
    """The id of the page that a token is of: `NAME/INTERVAL/SHARD:POSITION`.

    SHARD is a file name without its ending, POSITION counts tokens from the start of its `.bin`.
    Raises SettingError for another form, or a token that is not there.
    """
    shard_path, _, position = token.removeprefix("tokens/").rpartition(":")
    words = shard_path.split("/")
    if len(words) != 3 or not position.isdigit():
        raise SettingError(
            f"--token {token} is not of the form NAME/INTERVAL/SHARD:POSITION",
            "For example gpt2/2024-01/train-00000-of-00008:123456",
        )
    name, interval, shard = words
    shard = shard.removesuffix(".bin")
    database = Database()
    documents = database.table(corpus.paths(f"tokens/{name}", interval, "documents-"))
    rows = database.ask(
        f"SELECT id FROM {documents} WHERE shard = ? AND start <= ? AND start + length > ?",
        [shard, int(position), int(position)],
    )
    if not rows:
        raise SettingError(
            f"Shard {shard} of {name}/{interval} has no token {int(position):,}",
            "documents-*.parquet beside it says which tokens there are",
        )
    return str(rows[0][0])


def _collect(corpus: Corpus, life: Life, title: str, stage: str, prefix: str) -> None:
    for interval in corpus.intervals(stage):
        paths = corpus.paths(stage, interval, prefix)
        if not paths:
            continue
        database = Database()
        query = f"SELECT * FROM {database.table(paths)} WHERE id = ? {_ORDER.get(prefix, '')}"
        for row in database.dicts(query, [life.id]):
            life.steps.append((title, interval, row))


def render_life(life: Life) -> str:
    """The life of a page as text, one step a paragraph."""
    lines = [f"id {life.id}"]
    for title, interval, row in life.steps:
        lines.append(f"\n{title} ({interval})")
        lines += [f"  {name}: {cell(name, value)}" for name, value in row.items() if name != "id"]
    return "\n".join(lines)
