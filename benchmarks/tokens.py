"""The tokens stage against `tokenizers` alone, sentence splitters, and memory of training.

    python benchmarks/tokens.py speed --books BOOKS.ndjson.zst
    python benchmarks/tokens.py splitters --books BOOKS.ndjson.zst
    python benchmarks/tokens.py memory --books BOOKS.ndjson.zst

`--root ROOT` takes the texts of a built corpus instead.  Times are taken in turns, and
ratios are of the two times of one turn, so that other work on the machine meets both.
Processor time is that of all threads; on a busy machine it is the steadier of the two.
"""

from __future__ import annotations

import argparse
import importlib
import io
import itertools
import json
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from pipeline.store import files
from pipeline.store.addresses import page_id
from pipeline.store.corpus import Corpus
from pipeline.store.schemas import SCHEMAS
from pipeline.store.sentences import split_sentences
from pipeline.tokens.draws import SPLITS
from pipeline.tokens.encode import EncodeUnit, encode_part, load_encoder
from pipeline.tokens.megatron import IndexedDataset
from pipeline.tokens.settings import TokensSettings
from pipeline.tokens.shards import ShardUnit, assemble_shard

_CUT = 6_000  # characters of a document made of a book
KINDS = ("bpe", "unigram", "wordpiece")


def texts_of(arguments: argparse.Namespace) -> list[str]:
    """Texts of the books or the corpus, up to the wanted number of bytes."""
    source = books(arguments.books) if arguments.books else corpus(arguments.root)
    found, size = [], 0
    for text in source:
        found.append(text)
        size += len(text.encode())
        if size >= arguments.bytes:
            break
    return found


def books(path: str) -> Iterator[str]:
    """Pieces of some 6,000 characters of books, one JSON object with a `text` a line."""
    with open(path, "rb") as stream:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(stream), "utf-8")
        for line in lines:
            text = json.loads(line)["text"]
            yield from (text[i : i + _CUT] for i in range(0, len(text), _CUT))


def corpus(root: str) -> Iterator[str]:
    """The texts of all intervals of a corpus."""
    found = Corpus(root)
    for interval in found.intervals("corpus"):
        for path in found.paths("corpus", interval):
            yield from pq.read_table(path, columns=["text"])["text"].to_pylist()


def write_part(folder: str, texts: list[str]) -> str:
    """A part of a corpus with these texts."""
    rows = [{"id": page_id(f"{n}"), "language": "en", "text": t} for n, t in enumerate(texts)]
    table = pa.Table.from_pylist(sorted(rows, key=lambda row: row["id"]), SCHEMAS["corpus"])
    path = files.join(folder, "part.parquet")
    pq.write_table(table, path, compression="zstd")
    return path


def stage(path: str, folder: str, tokenizer: str, settings: TokensSettings) -> int:
    """What the stage does with one part: read, split, encode, write pieces, assemble shards."""
    files.remove(folder)
    files.make_folder(folder)
    [piece] = encode_part(EncodeUnit(path, 0, folder, "key", tokenizer, settings))
    assert piece.file is not None
    dtype = load_encoder(tokenizer, settings).dtype.str
    tokens = 0
    for split in SPLITS:
        unit = ShardUnit(split, 0, 1, (piece.file.name,), folder, "key", dtype, False)
        assemble_shard(unit)
        tokens += len(IndexedDataset(files.join(folder, f"{split}-00000-of-00001")).tokens)
    return tokens


def speed(arguments: argparse.Namespace) -> None:
    """Ratio of the whole stage to `encode_batch` on the same texts, threads and tokenizer."""
    texts = texts_of(arguments)
    size = sum(len(text.encode()) for text in texts)
    threads = os.environ.get("RAYON_NUM_THREADS", str(os.cpu_count()))
    print(f"{len(texts):,} documents, {size / 1e6:.1f} MB, {threads} threads")
    with tempfile.TemporaryDirectory() as folder:
        path = write_part(folder, texts)
        for kind in KINDS:
            settings = TokensSettings.model_validate({"kind": kind, "vocab_size": 8192})
            trained = settings.chosen_kind().make(texts[:: max(1, len(texts) // 500)])
            place = files.join(folder, "tokenizer.json")
            trained.save(place)
            turns = []
            for _ in range(arguments.turns):
                theirs = spent(lambda t=trained: t.encode_batch(texts, add_special_tokens=False))
                ours = spent(
                    lambda s=settings, p=place: stage(path, files.join(folder, "out"), p, s)
                )
                turns.append((theirs, ours))
            for number, name in enumerate(("time", "processor time")):
                each = [theirs[number] / ours[number] for theirs, ours in turns]
                alone, whole = (
                    size / statistics.median(turn[side][number] for turn in turns) / 1e6
                    for side in (0, 1)
                )
                print(
                    f"{kind:9} by {name}: encode_batch {alone:.2f} MB/s, whole stage "
                    f"{whole:.2f} MB/s, ratio {statistics.median(each):.2f} "
                    f"({', '.join(f'{ratio:.2f}' for ratio in each)})"
                )


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of some work by the clock, and of all threads of this process by the processor."""
    began, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - processor


def splitters(arguments: argparse.Namespace) -> None:
    """Speed of sentence splitters, one thread; those that are not installed are left out."""
    texts = texts_of(arguments)
    size = sum(len(text.encode()) for text in texts)
    known: dict[str, Callable[[], Callable[[str], object]]] = {
        "this project (sentencex, cut before white space)": lambda: split_sentences,
        "sentencex": lambda: lambda t: importlib.import_module("sentencex").segment("en", t),
        "blingfire": lambda: importlib.import_module("blingfire").text_to_sentences,
        "pysbd": lambda: importlib.import_module("pysbd").Segmenter(clean=False).segment,
        "syntok": lambda: lambda t: list(importlib.import_module("syntok.segmenter").analyze(t)),
        "nltk (Punkt, untrained)": lambda: (
            importlib.import_module("nltk.tokenize.punkt").PunktSentenceTokenizer().tokenize
        ),
        "spacy (rules)": _spacy,
    }
    for name, load in known.items():
        try:
            split = load()
            split("Warm up. Once.")
        except ImportError:
            print(f"{name}: not installed")
            continue
        done, began = 0, time.perf_counter()
        for text in texts:
            split(text)
            done += len(text.encode())
            if time.perf_counter() - began > arguments.seconds:
                break
        rate = done / (time.perf_counter() - began) / 1e6
        print(f"{name}: {rate:.2f} MB/s ({done / size:.0%} of {size / 1e6:.1f} MB)")


def _spacy() -> Callable[[str], object]:
    pipeline = importlib.import_module("spacy").blank("en")
    pipeline.add_pipe("sentencizer")
    return lambda text: list(pipeline(text).sents)


def memory(arguments: argparse.Namespace) -> None:
    """Peak memory of training, each kind and sample size in a process of its own."""
    context = multiprocessing.get_context("spawn")
    for kind, share in itertools.product(KINDS, (4, 2, 1)):
        reader, writer = context.Pipe(duplex=False)
        values = argparse.Namespace(**vars(arguments) | {"bytes": arguments.bytes // share})
        process = context.Process(target=_train, args=(kind, values, writer))
        process.start()
        base, peak, seconds, size = reader.recv()
        process.join()
        print(f"{kind:9} {size / 1e6:6.1f} MB of text: {peak - base:6.0f} MB more, {seconds:.1f} s")


def _train(kind: str, arguments: argparse.Namespace, writer: object) -> None:
    settings = TokensSettings.model_validate({"kind": kind, "vocab_size": arguments.vocab})

    class Streamed:
        def __iter__(self) -> Iterator[str]:
            size = 0
            for text in books(arguments.books) if arguments.books else corpus(arguments.root):
                size += len(text.encode())
                yield text
                if size >= arguments.bytes:
                    return

    base = _peak()
    seconds, _ = spent(lambda: settings.chosen_kind().make(Streamed()))
    size = sum(len(text.encode()) for text in Streamed())
    writer.send((base, _peak(), seconds, size))  # type: ignore[attr-defined]


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("speed", "splitters", "memory"))
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--root", default="data/quickstart")
    source.add_argument("--books", default="")
    parser.add_argument("--bytes", type=int, default=10_000_000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--vocab", type=int, default=30_000)
    arguments = parser.parse_args()
    {"speed": speed, "splitters": splitters, "memory": memory}[arguments.what](arguments)


if __name__ == "__main__":
    main()
