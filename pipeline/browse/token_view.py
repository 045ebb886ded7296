"""The tokens of a page as they lie in a shard, each with its id and its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from multidict import MultiMapping
from tokenizers import Tokenizer, decoders

from pipeline.browse.site import BrowsedCorpus, NotThereError, View
from pipeline.browse.turning import offset_of
from pipeline.store import files
from pipeline.store.corpus import Corpus
from pipeline.store.sql import Database
from pipeline.tokens.megatron import parse_index

ROWS = 2_000  # tokens at a time
_UNREADABLE = "\ufffd"


@dataclass(frozen=True)
class Token:
    """A token: its id, where it lies in the shard, and what it stands for."""

    id: int
    position: int
    text: str


def token_view(site: BrowsedCorpus, query: MultiMapping[str], name: str) -> View:
    """The tokens of a page by one tokenizer, `of` (NAME/INTERVAL), from number `from` on."""
    places = _places(site.corpus, name)
    if not places:
        raise NotThereError(f"Page {name} is in no shard", "Stage tokens takes what is kept")
    named = {f"{place['name']}/{place['interval']}": place for place in places}
    of = query.get("of", "")
    of = of if of in named else next(iter(named))
    place = named[of]
    offset = min(offset_of(query), max(place["length"] - 1, 0))
    return View(
        "tokens.html",
        {
            "title": "Tokens",
            "page": site.catalogue.page(name) or {"id": name, "url": name, "title": ""},
            "of": of,
            "others": list(named),
            "place": place,
            "tokens": tokens_at(site.corpus, place, offset, ROWS),
            "first": offset + 1,
            "previous": max(0, offset - ROWS) if offset else None,
            "next": offset + ROWS if offset + ROWS < place["length"] else None,
        },
    )


def _places(corpus: Corpus, page: str) -> list[dict[str, Any]]:
    """Where each tokenizer and interval has the page: name, interval, shard, start, length."""
    places = []
    for stage in corpus.token_stages():
        for interval in corpus.intervals(stage):
            database = Database()
            rows = database.table(corpus.paths(stage, interval, "documents-"))
            found = database.dicts(f"SELECT shard, start, length FROM {rows} WHERE id = ?", [page])
            named = {"name": stage.partition("/")[2], "interval": interval}
            places += [named | row for row in found]
    return places


def tokens_at(corpus: Corpus, place: dict[str, Any], offset: int, most: int) -> list[Token]:
    """The tokens of a document from its token `offset` on, at most `most`.

    Reads only them and the shard's index, wherever the corpus lies.
    """
    name = place["name"]
    prefix = files.join(corpus.folder(f"tokens/{name}", place["interval"]), place["shard"])
    index = parse_index(files.read_bytes(f"{prefix}.idx"), f"{prefix}.idx")
    first = place["start"] + offset
    size = index.dtype.itemsize
    with files.open_read(f"{prefix}.bin") as stream:
        stream.seek(index.offset + first * size)
        data = stream.read(min(most, place["length"] - offset) * size)
    numbers = np.frombuffer(data, index.dtype).tolist()
    saved = files.read_bytes(files.join(corpus.tokenizer(name), "tokenizer.json"))
    tokenizer = Tokenizer.from_str(saved.decode())
    return [Token(number, first + i, _text(tokenizer, number)) for i, number in enumerate(numbers)]


def _text(tokenizer: Tokenizer, number: int) -> str:
    """What a token stands for; of one that is a part of a character, its own name."""
    named = tokenizer.id_to_token(number) or f"[{number}]"
    if isinstance(tokenizer.decoder, decoders.ByteLevel):
        text = str(tokenizer.decode([number], skip_special_tokens=False))
        return text if text and _UNREADABLE not in text else named
    return str(named).replace("\u2581", " ")
