"""Second unit of the tokens stage: a part of the corpus becomes a scratch piece of tokens.

A piece is sorted by split and by the hash that orders shards, so that a shard reads its
range of each piece by row-group statistics.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from pipeline import files
from pipeline.corpus import WORK
from pipeline.errors import WebtextError
from pipeline.parts import Part, PartWriter, finished_part
from pipeline.progress import Progress
from pipeline.tokens import tokenizer as tok
from pipeline.tokens.megatron import dtype_for
from pipeline.tokens.sentences import split_sentences
from pipeline.tokens.settings import TokensSettings

SPLITS = ("train", "validation")
_BATCH = 100  # documents encoded at once
_AHEAD = 2  # batches on their way
_PIECE = pa.schema(
    [
        ("split", pa.int8()),  # index into SPLITS
        ("order", pa.string()),
        ("id", pa.string()),
        ("tokens", pa.large_binary()),
        ("lengths", pa.list_(pa.int32())),  # tokens of each sentence
    ]
)


@dataclass(frozen=True)
class EncodeUnit:
    """A part of the corpus to encode into a scratch piece."""

    path: str
    number: int
    folder: str
    key: str
    tokenizer: str
    settings: TokensSettings


def encode_part(unit: EncodeUnit) -> list[Part]:
    """Encodes one part of the corpus into a scratch piece, sorted by split and order."""
    name = f"{WORK}/piece-{unit.number:05d}.parquet"
    done = finished_part(unit.folder, name, unit.key)
    if done is not None:
        return [done]
    rows: list[dict[str, Any]] = []
    tokens, empty = [0, 0], 0
    with Progress(unit.folder, f"piece-{unit.number:05d}") as progress:
        for row in encoded(unit.path, load_encoder(unit.tokenizer, unit.settings), unit.settings):
            progress.add()
            count = int(row["lengths"].sum())
            if not count:
                empty += 1
                continue
            rows.append(row)
            tokens[row["split"]] += count
    rows.sort(key=lambda row: (row["split"], row["order"]))
    with PartWriter(unit.folder, name, _PIECE, unit.key, said=False) as writer:
        writer.add(rows)
        writer.counts.keep(len(rows))
        if empty:
            writer.counts.drop("no_tokens", empty)
        writer.extra.update(train_tokens=tokens[0], validation_tokens=tokens[1])
        writer.extra["sentences"] = sum(len(row["lengths"]) for row in rows)
    assert writer.part is not None
    return [writer.part]


@dataclass(frozen=True)
class Encoder:
    """A tokenizer made ready for pages: what it encodes with, its end token, its token type."""

    tokenizer: Tokenizer
    end: int | None
    dtype: np.dtype[Any]
    #: UTF-8 bytes that each token stands for, where a token stands for bytes (byte-level BPE).
    widths: np.ndarray | None = None


def load_encoder(path: str, settings: TokensSettings) -> Encoder:
    """A finished `tokenizer.json`, set so that no page can bring special tokens along.

    What looks like one in a text (`<|endoftext|>`, `<pad>`) is encoded as the characters
    that it is.
    """
    said = orjson.loads(files.read_bytes(path))
    whole = Tokenizer.from_str(orjson.dumps(said).decode())
    end, dtype = tok.end_id(whole, settings), dtype_for(whole.get_vocab_size())
    model = said["model"]
    if model["type"] == "Unigram":
        # Here they are pieces among the others: names that no text has take their places.
        special = {token["content"] for token in said["added_tokens"] if token["special"]}
        model["vocab"] = [[f"\0{p}" if p in special else p, s] for p, s in model["vocab"]]
        said["added_tokens"] = [t for t in said["added_tokens"] if t["content"] not in special]
    tokenizer = Tokenizer.from_str(orjson.dumps(said).decode())
    tokenizer.encode_special_tokens = True
    return Encoder(tokenizer, end, dtype, _widths(tokenizer, said))


def _widths(tokenizer: Tokenizer, said: dict[str, Any]) -> np.ndarray | None:
    """Bytes of each token of a byte-level BPE that changes no text; None of other tokenizers.

    Its vocabulary writes one character for each byte.
    """
    before = said["pre_tokenizer"] or {}
    if said["normalizer"] or before.get("type") != "ByteLevel" or before["add_prefix_space"]:
        return None
    widths = np.zeros(tokenizer.get_vocab_size(), np.int64)
    for token, number in tokenizer.get_vocab().items():
        widths[number] = len(token)
    return widths


def encoded(path: str, encoder: Encoder, settings: TokensSettings) -> Iterator[dict[str, Any]]:
    """The rows of a piece for all documents of a part, in its order.

    Several batches are on their way at once, since `tokenizers` works without the
    interpreter's lock: one is split into sentences or put together while others are encoded.
    """
    rows = read_rows(path, ["id", "text", "language"])
    work = partial(_encode_batch, encoder=encoder, settings=settings)
    with ThreadPoolExecutor(_AHEAD) as threads:
        ahead: deque[Future[list[dict[str, Any]]]] = deque()
        while batch := list(islice(rows, _BATCH)):
            ahead.append(threads.submit(work, batch))
            if len(ahead) > _AHEAD:
                yield from ahead.popleft().result()
        for future in ahead:
            yield from future.result()


def _encode_batch(
    batch: list[dict[str, Any]], encoder: Encoder, settings: TokensSettings
) -> list[dict[str, Any]]:
    """The rows of some documents; the end token belongs to the last sentence of each."""
    split = [split_sentences(row["text"], row["language"]) for row in batch]
    encode = _whole if encoder.widths is not None else _by_sentence
    found = []
    for row, (ids, lengths) in zip(batch, encode(batch, split, encoder), strict=True):
        tokens = ids.astype(encoder.dtype)
        if encoder.end is not None and len(lengths):
            tokens = np.append(tokens, encoder.dtype.type(encoder.end))
            lengths[-1] += 1
        found.append(
            {
                "split": int(tok.in_validation(row["id"], settings.validation_fraction)),
                "order": tok.order_of(row["id"]),
                "id": row["id"],
                "tokens": tokens.tobytes(),
                "lengths": lengths,
            }
        )
    return found


_Encoded = Iterator[tuple[np.ndarray, np.ndarray]]  # tokens of a document, lengths of sentences


def _by_sentence(
    _batch: list[dict[str, Any]], split: list[list[str]], encoder: Encoder
) -> _Encoded:
    """Each sentence encoded for itself; sentences without tokens are left out."""
    flat = list(chain.from_iterable(split))
    encodings = iter(encoder.tokenizer.encode_batch_fast(flat, add_special_tokens=False))
    for sentences in split:
        kept = [e.ids for e in islice(encodings, len(sentences)) if len(e)]
        lengths = np.fromiter(map(len, kept), np.int32, len(kept))
        yield np.fromiter(chain.from_iterable(kept), np.int64, int(lengths.sum())), lengths


def _whole(batch: list[dict[str, Any]], split: list[list[str]], encoder: Encoder) -> _Encoded:
    """Each document encoded at once, and cut where the bytes of its sentences end.

    Byte-level tokens never reach across the place before white space where sentences are cut
    (pipeline/tokens/sentences.py), and this costs fewer calls.
    """
    texts = [row["text"] for row in batch]
    encodings = encoder.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    for sentences, encoding in zip(split, encodings, strict=True):
        ids = np.array(encoding.ids, np.int64)
        ends = np.cumsum(encoder.widths[ids])  # type: ignore[index]
        wanted = np.cumsum([len(s) if s.isascii() else len(s.encode()) for s in sentences])
        places = np.searchsorted(ends, wanted) + 1
        if len(places) and not np.array_equal(ends[places - 1], wanted):
            raise WebtextError(
                "A token reaches across the end of a sentence: this is no byte-level tokenizer",
                "Please report this with the tokenizer.json",
            )
        yield ids, np.diff(places, prepend=0).astype(np.int32)


def read_rows(path: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    """Columns of a part of the corpus, row by row, with few of them in memory."""
    with files.open_read(path) as stream:
        for batch in pq.ParquetFile(stream).iter_batches(_BATCH, columns=columns):
            yield from batch.to_pylist()
