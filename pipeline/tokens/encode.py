"""Encoding in the tokens stage: a part of the corpus becomes a scratch piece of tokens.

A piece is sorted by split and by the hash that orders shards, so that a shard reads its
range of each piece by row-group statistics.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from tokenizers import Tokenizer

from pipeline.store import files
from pipeline.store.manifest import WORK
from pipeline.store.parquet import read_rows
from pipeline.store.parts import Part, PartWriter, finished_part
from pipeline.store.progress import Progress
from pipeline.store.sentences import split_sentences
from pipeline.tokens.draws import in_validation, order_of
from pipeline.tokens.megatron import dtype_for
from pipeline.tokens.settings import TokensSettings
from pipeline.tokens.tokenizer import end_id
from pipeline.tokens.word_cache import KnownWords, goes_by_words

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
    with PartWriter(unit.folder, name, _PIECE, unit.key, fingerprinted=False) as writer:
        writer.add(rows)
        writer.counts.keep(len(rows))
        if empty:
            writer.counts.drop("no_tokens", empty)
        writer.extra.update(train_tokens=tokens[0], validation_tokens=tokens[1])
        writer.extra["sentences"] = sum(len(row["lengths"]) for row in rows)
    return [writer.finish()]


@dataclass(frozen=True)
class TextEncoder:
    """A tokenizer made ready for pages: what it encodes with, its end token, its token type."""

    tokenizer: Tokenizer
    end: int | None
    dtype: np.dtype[Any]
    #: The words it has encoded, where its tokens are those of words.
    words: KnownWords | None


def load_encoder(path: str, settings: TokensSettings) -> TextEncoder:
    """A finished `tokenizer.json`, set so that no page can bring special tokens along.

    What looks like one in a text (`<|endoftext|>`, `<pad>`) is encoded as the characters
    that it is.  Cutting, padding and chance, which such a file may ask for, are off.
    """
    return ready_encoder(files.read_bytes(path), settings)


def ready_encoder(data: bytes, settings: TokensSettings) -> TextEncoder:
    """`load_encoder` of the bytes of a `tokenizer.json`."""
    content = orjson.loads(data)
    whole = Tokenizer.from_str(orjson.dumps(content).decode())
    end, dtype = end_id(whole, settings.end_token), dtype_for(whole.get_vocab_size())
    model = content["model"]
    if model["type"] == "Unigram":
        # Here they are pieces among the others: names that no text has take their places.
        special = {token["content"] for token in content["added_tokens"] if token["special"]}
        model["vocab"] = [[f"\0{p}" if p in special else p, s] for p, s in model["vocab"]]
        content["added_tokens"] = [
            t for t in content["added_tokens"] if t["content"] not in special
        ]
    model["dropout"] = None
    tokenizer = Tokenizer.from_str(orjson.dumps(content).decode())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    words = KnownWords(tokenizer, dtype) if goes_by_words(tokenizer) else None
    return TextEncoder(tokenizer, end, dtype, words)


def encoded(path: str, encoder: TextEncoder, settings: TokensSettings) -> Iterator[dict[str, Any]]:
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
    batch: list[dict[str, Any]], encoder: TextEncoder, settings: TokensSettings
) -> list[dict[str, Any]]:
    """The rows of some documents."""
    split = [split_sentences(row["text"], row["language"]) for row in batch]
    encode = encoder.words.encode if encoder.words else partial(_by_document, encoder)
    rows = []
    for row, document in zip(batch, encode(split), strict=True):
        tokens, lengths = _ended(*document, encoder)
        rows.append(
            {
                "split": int(in_validation(row["id"], settings.validation_fraction)),
                "order": order_of(row["id"]),
                "id": row["id"],
                "tokens": tokens,
                "lengths": lengths,
            }
        )
    return rows


def _ended(tokens: bytes, lengths: np.ndarray, encoder: TextEncoder) -> tuple[bytes, np.ndarray]:
    """With the end token, which belongs to the last sentence; sentences without tokens are out."""
    lengths = lengths[lengths > 0]
    if encoder.end is None or not len(lengths):
        return tokens, lengths
    lengths[-1] += 1
    return tokens + encoder.dtype.type(encoder.end).tobytes(), lengths


def _by_document(
    encoder: TextEncoder, split: list[list[str]]
) -> Iterator[tuple[bytes, np.ndarray]]:
    """Tokens of each document, given as sentences, and how many begin in each sentence.

    Documents are encoded whole: tokenizers like Llama's put a space before whatever they are
    given, and others' rules may reach across the end of a sentence.
    """
    texts = ["".join(sentences) for sentences in split]
    encodings = encoder.tokenizer.encode_batch(texts, add_special_tokens=False)
    for sentences, encoding in zip(split, encodings, strict=True):
        tokens = np.array(encoding.ids, encoder.dtype)
        starts = np.fromiter((start for start, _ in encoding.offsets), np.int64, len(tokens))
        firsts = np.cumsum([0, *map(len, sentences[:-1])])
        # A token that stands for nothing (a mark in front) has place 0, wherever it is.
        bounds = np.searchsorted(np.maximum.accumulate(starts), firsts)
        yield tokens.tobytes(), np.diff(np.append(bounds, len(tokens))).astype(np.int32)
