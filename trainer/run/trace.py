"""Which documents, hence which links, were in a step: from a position back to its sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError
from pipeline.store.parquet import read_table
from trainer.data.token_row import Span
from trainer.objectives import open_stream
from trainer.optim.batch_schedule import Batches
from trainer.run.run import RunFolder


@dataclass(frozen=True)
class SampleDocument:
    """`tokens` tokens of document `id` were in sample `sample` (its number in the run).

    `links`: where its address was posted, as `r/SUBREDDIT REDDIT_ID KARMA`; empty, like `url`,
    where only the shards were handed on.
    """

    sample: int
    id: str
    tokens: int
    url: str
    links: tuple[str, ...]


def trace(run: RunFolder, step: int, sample: int | None = None) -> list[SampleDocument]:
    """The documents of step `step` (counted from 1), or of one sample of it.

    Raises SettingError when the step or sample is not in the run, or the shards have changed.
    """
    recipe, shards = run.recipe(), run.shards()
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
    stream = open_stream(recipe, shards, "train")
    documents = DocumentTables()
    sources = [
        (number, identity, tokens)
        for number in numbers
        for span in stream.spans(number)
        for identity, tokens in documents.within(span)
    ]
    stream.close()
    wanted = {identity for _, identity, _ in sources}
    urls = documents.column("corpus", "url", wanted)
    mentions = documents.column("links", "mentions", wanted)
    return [
        SampleDocument(
            number, identity, tokens, urls.get(identity, ""), _links(mentions.get(identity))
        )
        for number, identity, tokens in sources
    ]


def _links(mentions: list[dict[str, Any]] | None) -> tuple[str, ...]:
    return tuple(
        f"r/{m['subreddit']} {m['reddit_id']} {m['score']}" if m["subreddit"] else str(m["kind"])
        for m in mentions or []
    )


class DocumentTables:
    """The documents tables of the shards, read one shard at a time."""

    def __init__(self) -> None:
        self._tables: dict[str, tuple[np.ndarray, np.ndarray, list[str]]] = {}
        self._places: set[tuple[str, str]] = set()  # (root, interval) of what was read

    def within(self, span: Span) -> Iterator[tuple[str, int]]:
        """Documents that overlap a span, with how many of its tokens are theirs."""
        starts, lengths, ids = self._shard(span.shard)
        stop = span.start + span.length
        number = max(int(np.searchsorted(starts, span.start, side="right")) - 1, 0)
        while number < len(starts) and starts[number] < stop:
            begin = max(int(starts[number]), span.start)
            end = min(int(starts[number] + lengths[number]), stop)
            if end > begin:
                yield ids[number], end - begin
            number += 1

    def _shard(self, prefix: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Start, length and id of each document of a shard, in order."""
        if prefix not in self._tables:
            folder, shard = prefix.rsplit("/", 1)  # ROOT/tokens/NAME/INTERVAL
            corpus, interval = folder.rsplit("/", 1)
            root, name = corpus.rsplit("/tokens/", 1)
            self._places.add((root, interval))
            paths = Corpus(root).paths(f"tokens/{name}", interval, "documents-")
            columns, condition = ["id", "start", "length"], [("shard", "=", shard)]
            tables = [read_table(path, columns, condition) for path in paths]
            table = pa.concat_tables(tables).sort_by("start")
            self._tables[prefix] = (
                table["start"].to_numpy(),
                table["length"].to_numpy(),
                table["id"].to_pylist(),
            )
        return self._tables[prefix]

    def column(self, stage: str, name: str, wanted: set[str]) -> dict[str, Any]:
        """A column of a stage for the ids `wanted`, from the intervals that were read."""
        values: dict[str, Any] = {}
        for root, interval in sorted(self._places):
            corpus = Corpus(root)
            if corpus.manifest(stage, interval) is None:
                continue  # shards may be handed on without the rest of the corpus
            for path in corpus.paths(stage, interval):
                rows = read_table(path, ["id", name], [("id", "in", wanted)])
                values |= dict(zip(rows["id"].to_pylist(), rows[name].to_pylist(), strict=True))
        return values
