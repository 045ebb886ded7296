"""How fast `webtext browse` answers on a large corpus, beside what one would do without it.

    python -P benchmarks/browse.py FOLDER [--documents 1000000] [--index FOLDER]

Makes a synthetic corpus in FOLDER (tables of links, fetches, documents, measurements, duplicates
(a tenth), decisions and tokens; 24 parts; texts of 200 words of a Zipf vocabulary of 50,000), once,
starts the server and asks for each view as a web browser does, three times; the median counts.
Beside the clock, which other work on the machine slows, stands the server's processor time.  The
peer of a search is the query that any user of DuckDB would write over the same files.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import duckdb
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.quality.tables import quality_schema
from pipeline.store import files
from pipeline.store.corpus import Corpus
from pipeline.store.manifest import Counts, FileEntry, Manifest, write_manifest
from pipeline.store.schemas import SCHEMAS

INTERVAL = "2024-01"
_PARTS = 24
_SENTENCES, _WORDS_EACH, _SENTENCES_EACH = 20_000, 20, 10
_VOCABULARY = 50_000
_KEPT = 0.8  # share of the documents
_ROW_GROUP = 10_000  # rows, as the stages write them
_ASKED = (
    "",
    "pages",
    "pages?column=gopher_words&operator=at+least&value=2900",
    "pages?sort=gopher_words",
    "duplicates",
    "months",
    "thresholds",
    "difference?quality.gopher.min_words=400",
)
#: Folder of a table -> the beginning of its files' names.
_TABLES = {
    "links": ("links", "part"),
    "fetches": ("pages", "fetches"),
    "documents": ("documents", "part"),
    "quality": ("quality", "part"),
    "verdicts": ("quality", "_verdicts"),
    "dedup": ("dedup", "part"),
    "corpus": ("corpus", "part"),
    "decisions": ("corpus", "_decisions"),
    "tokens": ("tokens/gpt2", "documents"),
}


def sentences(rng: np.random.Generator) -> list[str]:
    """Sentences of words that are as frequent as words are."""
    weights = 1 / np.arange(1, _VOCABULARY + 1)
    drawn = rng.choice(_VOCABULARY, (_SENTENCES, _WORDS_EACH), p=weights / weights.sum())
    return [" ".join(f"w{word}" for word in row) + "." for row in drawn.tolist()]


def part_tables(number: int, count: int, pool: list[str]) -> dict[str, pa.Table]:
    """The tables of one part, by name."""
    rng = np.random.default_rng(number)
    ids = sorted(rng.bytes(16).hex() for _ in range(count))
    urls = [f"https://host{i % 5000}.example.org/{page}" for i, page in enumerate(ids)]
    karma = rng.integers(3, 5000, count)
    picked = rng.integers(0, len(pool), (count, _SENTENCES_EACH)).tolist()
    texts = [" ".join(pool[i] for i in row) for row in picked]
    words = [_SENTENCES_EACH * _WORDS_EACH] * count
    kept = rng.random(count) < _KEPT
    tenth = count // 10
    mention = {"kind": "post", "reddit_id": "t3_x", "subreddit": "x", "score": 5, "created": 0}
    common = {"id": ids, "url": urls, "karma": karma, "words": words, "text": texts}
    values = {
        "links": common | {"first_seen": rng.integers(1.7e9, 1.73e9, count), "key": urls,
                           "host": [url.split("/")[2] for url in urls],
                           "mentions": [[mention]] * count},
        "fetches": common | {"final_url": urls, "outcome": "ok", "origin": "web",
                             "content_type": "text/html", "warc_file": "pages.warc.gz"},
        "documents": common | {"title": [f"Page {page[:8]}" for page in ids], "language": "en"},
        "verdicts": common | {"language": "en", "rules": "en", "reason": np.where(kept, "", "x")},
        "corpus": {name: [v for v, k in zip(column, kept, strict=True) if k]
                   for name, column in common.items()},
        "decisions": common | {"kept": kept, "reason": np.where(kept, "", "gopher_min_words")},
        "dedup": {"id": ids[:tenth], "kept_id": ids[tenth : 2 * tenth], "similarity": 0.9,
                  "kind": "near"},
        "tokens": {"id": ids, "shard": f"train-{number:05d}", "length": [250] * count},
    }  # fmt: skip
    tables = {name: _table(SCHEMAS[name], given) for name, given in values.items()}
    schema = quality_schema()
    measured = {
        field.name: rng.integers(0, 3000, count) if pa.types.is_integer(field.type)
        else rng.random(count) for field in schema if pa.types.is_primitive(field.type)
    }  # fmt: skip
    return tables | {"quality": _table(schema, measured | {"id": ids})}


def _table(schema: pa.Schema, values: dict[str, Any]) -> pa.Table:
    """A table with these columns; one value stands for all rows, what is not given is null."""
    count = len(values["id"])
    columns = []
    for field in schema:
        given = values.get(field.name)
        repeated = [given] * count if given is None or isinstance(given, (str, float)) else given
        columns.append(pa.array(repeated, field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def make(root: str, documents: int) -> None:
    """The corpus; nothing where it is there."""
    corpus, pool = Corpus(root), sentences(np.random.default_rng(0))
    if corpus.manifest("corpus", INTERVAL):
        return
    entries: dict[str, list[FileEntry]] = {}
    for number in range(_PARTS):
        for name, table in part_tables(number, documents // _PARTS, pool).items():
            stage, prefix = _TABLES[name]
            file = f"{prefix}-{number:05d}-of-{_PARTS:05d}.parquet"
            folder = corpus.folder(stage, INTERVAL)
            files.make_folder(folder)
            path = files.join(folder, file)
            pq.write_table(table, path, compression="zstd", row_group_size=_ROW_GROUP)
            entry = FileEntry(name=file, rows=len(table), bytes=files.size(path), sha256="")
            entries.setdefault(stage, []).append(entry)
    for stage, listed in entries.items():
        rows = sum(entry.rows for entry in listed if not entry.name.startswith("_"))
        manifest = Manifest(
            stage=stage, interval=INTERVAL, settings={}, settings_hash="", inputs={},
            code_version="9", runner="made", counts=Counts(**{"in": rows, "kept": rows}),
            files=listed, fingerprint=f"{stage}-{documents}",
        )  # fmt: skip
        write_manifest(corpus.folder(stage, INTERVAL), manifest)


@dataclass(frozen=True)
class Taken:
    """Seconds: by the clock, and of the processor."""

    clock: float
    processor: float

    def __str__(self) -> str:
        return f"{self.clock:.2f} s, {self.processor:.2f} s of the processor"


def median(ask: Callable[[], object], process: psutil.Process, times: int = 3) -> Taken:
    """The medians of some askings; `process` does the work."""

    def busy() -> float:
        return float(sum(process.cpu_times()[:2]))

    taken = []
    for _ in range(times):
        start, begun = time.perf_counter(), busy()
        ask()
        taken.append((time.perf_counter() - start, busy() - begun))
    return Taken(*(statistics.median(column) for column in zip(*taken, strict=True)))


def fetch(address: str) -> str:
    """A page."""
    with urlopen(address) as answer:
        return str(answer.read().decode())


def scan(root: str, word: str) -> list[Any]:
    """The peer: the first 25 documents that have a word, by DuckDB."""
    pattern = f"{root}/documents/*/part-*.parquet"
    query = f"SELECT id, url FROM '{pattern}' WHERE regexp_matches(text, ?) ORDER BY id LIMIT 25"
    return duckdb.execute(query, [rf"\b{word}\b"]).fetchall()


def measure(root: str, *options: str) -> None:
    """Starts the server, asks, and prints."""
    start = time.perf_counter()
    command = [sys.executable, "-P", "-m", "pipeline", "browse", root, *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server, ExitStack() as end:
        end.callback(server.terminate)
        assert server.stderr is not None
        address = server.stderr.readline().split()[0]
        process = psutil.Process(server.pid)
        print(f"start: {time.perf_counter() - start:.2f} s, "
              f"{sum(process.cpu_times()[:2]):.2f} s of the processor, "
              f"{process.memory_info().rss / 1e6:,.0f} MB", flush=True)  # fmt: skip

        def ask(path: str) -> Taken:
            return median(lambda: fetch(address + path), process)

        print("While the index is made, which takes the processor too:")
        for name in ("pages", "pages?q=w49000"):
            print(f"  {name}: {ask(name).clock:.2f} s", flush=True)
        while "index is being made" in fetch(f"{address}pages"):
            time.sleep(2)
        print(f"index made: {time.perf_counter() - start:.0f} s since the start, "
              f"{sum(process.cpu_times()[:2]):.0f} s of the processor", flush=True)  # fmt: skip
        page = re.findall(r"/page/([0-9a-f]{32})", fetch(f"{address}pages"))[0]
        for path in (*_ASKED, f"page/{page}"):
            print(f"{path or 'overview'}: {ask(path)}", flush=True)
        for word in ("w49000", "w300", "w9"):
            ours = ask(f"pages?q={word}")
            peer = median(lambda word=word: scan(root, word), psutil.Process(), times=1)
            ratio = peer.processor / ours.processor
            print(f"search of {word}: {ours}; DuckDB over the files: {peer}; ratio {ratio:.1f}")
        print(f"search of a phrase: {ask('pages?q=%22w3+w5%22')}")
        print(f"memory: {process.memory_info().rss / 1e6:,.0f} MB")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--index", help="Keeps the search index there; else it is made anew")
    arguments = parser.parse_args()
    Path(arguments.folder).mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    make(arguments.folder, arguments.documents)
    print(f"corpus made: {time.perf_counter() - start:.0f} s", flush=True)
    measure(arguments.folder, *(["--index", arguments.index] if arguments.index else []))


if __name__ == "__main__":
    main()
