"""Which documents, hence which links, were in a step: from a position back to its sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import pyarrow.parquet as pq

from pipeline.corpus import Corpus
from pipeline.errors import SettingError
from trainer.batches import Batches
from trainer.data.shards import find_shards
from trainer.data.stream import Span, Stream
from trainer.run import RunFolder


@dataclass(frozen=True)
class Source:
    """`tokens` tokens of document `id` were in sample `sample` (its number in the run)."""

    sample: int
    id: str
    tokens: int
    url: str


def trace(run: RunFolder, step: int, sample: int | None = None) -> list[Source]:
    """The documents of step `step` (counted from 1), or of one sample of it.

    Raises SettingError when the step or sample is not in the run, or the shards have changed.
    """
    facts, recipe = run.facts(), run.recipe()
    shards = find_shards(facts.data)
    if shards.fingerprint != facts.fingerprint:
        raise SettingError(
            f"The shards in {facts.data} are not those the run was trained on",
            "Bring back the shards with the fingerprint in run.json",
        )
    batches = Batches.of(recipe.train)
    first = batches.position(step - 1) if step >= 1 else batches.total
    size = batches.at(first)
    if size < 1:
        raise SettingError(f"The run has no step {step}", "Steps count from 1; log.jsonl has all")
    if sample is not None and sample not in range(first, first + size):
        raise SettingError(
            f"Sample {sample} is not in step {step}", f"It holds {first} to {first + size - 1}"
        )
    numbers = range(first, first + size) if sample is None else [sample]
    stream = Stream(shards, "train", recipe.model.context, recipe.data.seed)
    finder = _Documents(Corpus(shards.root), shards.name)
    found = [
        (number, identity, tokens)
        for number in numbers
        for span in stream.spans(number)
        for identity, tokens in finder.within(span)
    ]
    urls = finder.urls({identity for _, identity, _ in found})
    return [Source(n, identity, tokens, urls.get(identity, "")) for n, identity, tokens in found]


class _Documents:
    """The documents tables of the shards, read one interval at a time."""

    def __init__(self, corpus: Corpus, name: str) -> None:
        self._corpus, self._name = corpus, name
        self._tables: dict[str, dict[str, tuple[np.ndarray, np.ndarray, list[str]]]] = {}

    def within(self, span: Span) -> Iterator[tuple[str, int]]:
        """Documents that overlap a span, with how many of its tokens are theirs."""
        path = PurePosixPath(span.shard)
        starts, lengths, ids = self._interval(path.parent.name)[path.name]
        stop = span.start + span.length
        number = max(int(np.searchsorted(starts, span.start, side="right")) - 1, 0)
        while number < len(starts) and starts[number] < stop:
            begin = max(int(starts[number]), span.start)
            end = min(int(starts[number] + lengths[number]), stop)
            if end > begin:
                yield ids[number], end - begin
            number += 1

    def _interval(self, interval: str) -> dict[str, tuple[np.ndarray, np.ndarray, list[str]]]:
        if interval not in self._tables:
            paths = self._corpus.paths(f"tokens/{self._name}", interval, "documents-")
            shards: dict[str, tuple[np.ndarray, np.ndarray, list[str]]] = {}
            rows = [row for path in paths for row in pq.read_table(path).to_pylist()]
            rows.sort(key=lambda row: (row["shard"], row["start"]))
            for shard in {row["shard"] for row in rows}:
                mine = [row for row in rows if row["shard"] == shard]
                starts = np.array([row["start"] for row in mine])
                lengths = np.array([row["length"] for row in mine])
                shards[shard] = starts, lengths, [row["id"] for row in mine]
            self._tables[interval] = shards
        return self._tables[interval]

    def urls(self, wanted: set[str]) -> dict[str, str]:
        """The addresses of documents, from the corpus tables of the intervals that were read."""
        found: dict[str, str] = {}
        for interval in self._tables:
            if self._corpus.manifest("corpus", interval) is None:
                continue  # shards may be handed on without the text
            for path in self._corpus.paths("corpus", interval):
                rows = pq.read_table(path, columns=["id", "url"], filters=[("id", "in", wanted)])
                found |= dict(zip(rows["id"].to_pylist(), rows["url"].to_pylist(), strict=True))
        return found
