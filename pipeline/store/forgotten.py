"""What is to be forgotten: the list in the corpus, and the work of a `forget` that is under way.

`FORGOTTEN.txt` in the root is a takedown list (`pipeline/store/takedown.py`) that the links
stage of every later build leaves out, so no interval fetches such a page again.
`FORGETTING.json` is there from before the first change until after the last one: while it
is, the corpus is between two states, and nothing but `webtext forget` may go on with it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from pipeline.store import files
from pipeline.store.corpus import Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.takedown import NOTHING, Takedown, parse_takedown

LIST = "FORGOTTEN.txt"
PENDING = "FORGETTING.json"
#: What `elsewhere` says of a passage that a forgotten page kept for others.
FORGOTTEN = "forgotten"
_HEAD = "# Pages that this corpus forgot and does not take again: one entry a line.\n"


@dataclass
class Pending:
    """A `forget` that is under way: ids of pages, and what was found out before any change."""

    ids: list[str]
    #: Of each training run that was asked about: see `trainer/run/exposure.py`.
    runs: list[dict[str, Any]] = field(default_factory=list)


def forgotten(corpus: Corpus) -> Takedown:
    """The list of a corpus; an empty one without."""
    path = files.join(corpus.root, LIST)
    if not files.exists(path):
        return NOTHING
    return parse_takedown(files.read_bytes(path).decode(), path)


def add_entries(corpus: Corpus, text: str) -> None:
    """Adds the entries of a list that are not there yet."""
    path = files.join(corpus.root, LIST)
    before = files.read_bytes(path).decode() if files.exists(path) else _HEAD
    listed = set(before.splitlines())
    lines = [line.strip() for line in text.splitlines()]
    new = dict.fromkeys(line for line in lines if line and not line.startswith("#"))
    added = [line for line in new if line not in listed]
    if added:
        files.write_bytes(path, (before + "".join(f"{line}\n" for line in added)).encode())


def read_pending(corpus: Corpus) -> Pending | None:
    """The work that is under way, None where there is none."""
    path = files.join(corpus.root, PENDING)
    if not files.exists(path):
        return None
    return Pending(**orjson.loads(files.read_bytes(path)))


def write_pending(corpus: Corpus, pending: Pending) -> None:
    """Notes the work, before any of it is done."""
    files.write_bytes(files.join(corpus.root, PENDING), orjson.dumps(asdict(pending)))


def end_pending(corpus: Corpus) -> None:
    """Says that all is done."""
    files.remove(files.join(corpus.root, PENDING))


def refuse_pending(corpus: Corpus) -> None:
    """Raises WebtextError while a `forget` that was stopped has work left."""
    if files.exists(files.join(corpus.root, PENDING)):
        raise WebtextError(
            f"A `webtext forget` was stopped in {corpus.root}",
            f"Run `webtext forget {corpus.root}` first: it goes on where it stopped",
        )
