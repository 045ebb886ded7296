"""Passages of validation documents that a document trained on has too, by the texts themselves.

Deduplication leaves each passage on one page, or is off; which split a page is in is drawn later.
So this reads the texts of both splits: those of validation are hashed and held, slice by slice,
those trained on go by.  Whoever shares `words` words in a row shares a minimizer
(`pipeline/dedup/passages/winnow.py`), and each passage is compared character by character.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from pipeline.dedup.bands import Numbers
from pipeline.dedup.minhash import Hashes64
from pipeline.dedup.passages.cut import NOTHING, Keepers, Passage
from pipeline.dedup.passages.spans import PageText, is_same
from pipeline.dedup.passages.winnow import minimizers, run_hashes
from pipeline.dedup.passages.words import hash_groups
from pipeline.store import files
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError
from pipeline.views.splits import corpus_parts, texts_of, trained_on, validation_ids

#: Characters of validation documents in memory at a time: 0.4 GB with all their words.
_SLICE = 1 << 26
_TOGETHER = 500  # documents that are hashed at once

Text = tuple[str, str]  # id, text


class Shared(NamedTuple):
    """A validation document, one that is trained on, and how many words of the first it has."""

    validation: str
    train: str
    words: int


def chosen_tokens(corpus: Corpus, name: str | None) -> str:
    """The NAME of `tokens/NAME`; where none is given, the only one.

    Raises SettingError where it is not there, or there are several.
    """
    names = [stage.removeprefix("tokens/") for stage in corpus.token_stages()]
    if name is None and len(names) == 1:
        return names[0]
    if name is not None and name in names:
        return name
    if not names:
        raise SettingError(f"{corpus.root} has no token shards", "Run `webtext build RECIPE` first")
    raise SettingError(
        f"{corpus.root} has the shards {', '.join(names)}" + (f", not {name}" if name else ""),
        "Name one: --tokens NAME",
    )


def shared_passages(corpus: Corpus, name: str, words: int) -> tuple[list[Shared], int]:
    """What the splits of `tokens/NAME` share over all intervals, and the number of documents in
    validation.

    Documents that share no `words` words in a row are not listed.
    """
    validation = validation_ids(corpus, name)
    parts = corpus_parts(corpus, name)
    found = [
        shared
        for piece in slices(texts_of(parts, validation, within=True), _SLICE)
        for shared in find_shared(piece, texts_of(parts, validation, within=False), words)
    ]
    trained = trained_on(corpus, name, {shared.train for shared in found})
    return sorted(one for one in found if one.train in trained), len(validation)


def find_shared(validation: Sequence[Text], train: Iterable[Text], words: int) -> Iterator[Shared]:
    """The pairs of texts that share `words` words in a row; exact."""
    keys, owners = _minimizers([text for _, text in validation], words)
    order = np.argsort(keys, kind="stable")
    keys, owners = keys[order], owners[order]
    pages: dict[int, PageText] = {}
    passing = iter(train)
    while some := list(islice(passing, _TOGETHER)):
        hashes, texts = _minimizers([text for _, text in some], words)
        first, last = np.searchsorted(keys, hashes), np.searchsorted(keys, hashes, "right")
        pairs = {
            (int(texts[hit]), int(owner))
            for hit in np.flatnonzero(last > first)
            for owner in owners[first[hit] : last[hit]]
        }
        for text, owner in sorted(pairs):
            page = pages.setdefault(owner, PageText(validation[owner][1]))
            if shared := words_of(same_passages(page, PageText(some[text][1]), words)):
                yield Shared(validation[owner][0], some[text][0], shared)


def same_passages(page: PageText, other: PageText, words: int) -> list[Passage]:
    """The passages of `page` that `other` has as well."""
    own, others = (run_hashes(one.words.hashes, words) for one in (page, other))
    distinct, runs = np.unique(np.concatenate([own, others]), return_inverse=True)
    keepers = Keepers(len(distinct))
    keepers.keep(0, np.arange(len(others)), runs[len(own) :], NOTHING, words)
    shared = keepers.shared(np.arange(len(own)), runs[: len(own)], words)
    return [passage for passage in shared if is_same(page, other, passage)]


def words_of(passages: Sequence[Passage]) -> int:
    """How many words passages cover, given in order of their starts; they may overlap."""
    covered = end = 0
    for passage in passages:
        covered += max(0, passage.stop - max(end, passage.start))
        end = max(end, passage.stop)
    return covered


def write_list(path: str, shared: Sequence[Shared]) -> None:
    """The validation documents as a takedown list, each with the document that shares most."""
    most: dict[str, Shared] = {}
    for one in shared:
        most[one.validation] = max(most.get(one.validation, one), one, key=lambda s: s.words)
    lines = ["# Validation documents that share passages with documents trained on"]
    for page, one in sorted(most.items()):
        lines += [f"# {one.words:,} of its words are in {one.train}", page]
    files.write_bytes(path, "".join(f"{line}\n" for line in lines).encode())


def _minimizers(texts: list[str], words: int) -> tuple[Hashes64, Numbers]:
    """The minimizers of all texts, and the text of each."""
    found = [
        own for _, hashes, bounds in hash_groups(texts) for own in minimizers(hashes, bounds, words)
    ]
    keys = np.concatenate([np.empty(0, np.uint64), *found])
    return keys, np.repeat(np.arange(len(found)), [len(own) for own in found])


def slices(texts: Iterable[Text], size: int) -> Iterator[list[Text]]:
    """Texts in groups of some `size` characters."""
    group: list[Text] = []
    held = 0
    for text in texts:
        group.append(text)
        held += len(text[1])
        if held >= size:
            yield group
            group, held = [], 0
    if group:
        yield group
