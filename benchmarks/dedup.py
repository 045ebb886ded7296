"""Dedup against others, and its scale.

    python benchmarks/dedup.py speed [--documents 3000]   signatures, one core, against peers
    python benchmarks/dedup.py scale 10000 100000 ...      simulated signatures, two processes
    python benchmarks/dedup.py template [--documents 8000]   what huge buckets cost in recall

`speed` takes passages of 4.5 kB from a books file (ndjson.zst with a `text`), or random words
without one, and compares what is installed: datasketch, rensa, datatrove.
`scale` writes simulated signatures and runs everything from keep order to duplicate table.
`template` makes a site whose pages share much of their words, and pairs of near-duplicates
among them, so that pairs meet in buckets that hold the whole site.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import multiprocessing
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from datasketch import MinHash

from pipeline.dedup.batch import Batch, Source, signature_schema
from pipeline.dedup.minhash import SHINGLE_WORDS, shingles_of, signature_of
from pipeline.dedup.normalise import normalised
from pipeline.dedup.settings import DedupSettings
from pipeline.dedup.sort import sort_part
from pipeline.dedup.steps import steps_of
from pipeline.dedup.verify import jaccard
from pipeline.store.addresses import page_id
from pipeline.store.parts import Part
from pipeline.store.schemas import SCHEMAS

PEERS = Path(__file__).resolve().parent.parent / ".venv-peers"
HASHES, CHARS = 100, 4500
FOLD = DedupSettings().folds
FILE_ROWS = 100_000  # documents of a simulated part
SHARE = 5  # every fifth document is made from another one
#: Steps that are timed; of the first only what sorts, since the signatures are there.
TIMED = (
    "Sign", "Order", "Firsts", "Keys", "Search", "Carry", "Compare", "Group", "Slices", "Decide",
    "Write", "Clusters",
)  # fmt: skip
TEMPLATE = 10  # every tenth shares its first two bands with all other tenths


def reach_peers() -> None:
    """Lets the systems that `make peers` installed be imported, behind what is installed here."""
    sys.path += [str(path) for path in PEERS.glob("lib/python3*/site-packages")]


def main() -> None:
    """Reads the command line."""
    reach_peers()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    scaling = commands.add_parser("scale")
    scaling.add_argument("sizes", type=int, nargs="+")
    scaling.add_argument("--folder", help="where the simulated signatures go (4 GB for 10^7)")
    templating = commands.add_parser("template")
    templating.add_argument("--documents", type=int, default=8000)
    speeding = commands.add_parser("speed")
    speeding.add_argument("--text-dedup", help="a Python that has text-dedup (it wants its own)")
    speeding.add_argument("--documents", type=int, default=3000)
    speeding.add_argument("--books", help="ndjson.zst whose rows have a text")
    arguments = parser.parse_args()
    if arguments.command == "speed":
        texts = passages(arguments.books, arguments.documents)
        signature_speed(texts)
        whole_speed(texts, arguments.text_dedup)
        return
    if arguments.command == "template":
        template_recall(arguments.documents)
        return
    print("seconds of processor time")
    print(f"documents{''.join(f'{name:>9}' for name in (*TIMED, 'total'))}  GB a process")
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            # A process of its own, so that peaks of memory are each size's own.
            process = multiprocessing.get_context("spawn").Process(
                target=scale, args=(size, folder)
            )
            process.start()
            process.join()


def passages(books: str | None, count: int) -> list[str]:
    """Texts of `CHARS` characters: of books, or of random words."""
    found: list[str] = []
    if books is None:
        rng = random.Random(1)
        vocabulary = [
            "".join(rng.choices("etaoinshrdlu", k=rng.randint(2, 9))) for _ in range(20_000)
        ]
        return [" ".join(rng.choices(vocabulary, k=CHARS // 6)) for _ in range(count)]
    with open(books, "rb") as packed:
        stream = zstandard.ZstdDecompressor().stream_reader(packed)
        for line in io.TextIOWrapper(stream, encoding="utf-8"):
            text = json.loads(line)["text"]
            found += [text[i : i + CHARS] for i in range(0, len(text) - CHARS, CHARS)]
            if len(found) >= count:
                return found[:count]
    return found


def signature_speed(texts: list[str]) -> None:
    """Text to signature of `HASHES` hashes on one core, with the same words for all."""

    def shingles(text: str) -> list[bytes]:
        words = normalised(text, FOLD).split()
        return [
            b" ".join(words[i : i + SHINGLE_WORDS]) for i in range(len(words) - SHINGLE_WORDS + 1)
        ]

    def ours(text: str) -> None:
        signature_of(shingles_of(normalised(text, FOLD)), HASHES)

    def loop(text: str) -> None:
        sketch = MinHash(HASHES, scheme="affine32")
        for shingle in shingles(text):
            sketch.update(shingle)

    def batch(text: str) -> None:
        MinHash(HASHES, scheme="affine32").update_batch(shingles(text))

    contenders: dict[str, Callable[[str], None]] = {"this project": ours}
    contenders |= {"datasketch, loop": loop, "datasketch, update_batch": batch}
    if importlib.util.find_spec("rensa"):
        import rensa

        def rust(text: str) -> None:
            sketch = rensa.RMinHash(HASHES, 1)
            sketch.update(shingles(text))
            sketch.digest()

        contenders["rensa"] = rust
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(3):  # in turn, so that a busy moment strikes all
        for name, sign in contenders.items():
            some = texts[: len(texts) // 10] if name == "datasketch, loop" else texts
            start = time.process_time()
            for text in some:
                sign(text)
            rates[name].append(len(some) / (time.process_time() - start))
    best = {name: max(found) for name, found in rates.items()}
    print(f"text to signature, {len(texts):,} documents of {CHARS} characters, processor time")
    for name, rate in best.items():
        print(f"  {name:26}{rate:9,.0f} documents/s   {best['this project'] / rate:6.2f} x")


def whole_speed(texts: list[str], text_dedup: str | None) -> None:
    """Documents on disk to the decision, one process, against datatrove and text-dedup."""
    with tempfile.TemporaryDirectory() as folder:
        times = {"this project": _ours(texts, folder)}
        if (PEERS / "bin/python").exists():
            times["datatrove"] = _datatrove(texts, folder)
        if text_dedup:
            times["text-dedup"] = _text_dedup(texts, folder, text_dedup)
    print(f"documents on disk to decisions, {len(texts):,} documents, one process")
    for name, seconds in times.items():
        print(f"  {name:26}{seconds:9.1f} s   {seconds / times['this project']:6.2f} x")


def _ours(texts: list[str], folder: str) -> float:
    batch = make_batch(texts, folder, DedupSettings())
    start = time.perf_counter()
    _run(batch)
    return time.perf_counter() - start


def make_batch(texts: list[str], folder: str, settings: DedupSettings) -> Batch:
    """One documents part whose i-th text has the id of i."""
    rows = [
        {"id": page_id(str(i)), "url": f"https://h{i}.org", "text": t} for i, t in enumerate(texts)
    ]
    path = f"{folder}/part-00000-of-00001.parquet"
    table = pa.Table.from_pylist(sorted(rows, key=lambda row: row["id"]), SCHEMAS["documents"])
    pq.write_table(table, path, compression="zstd")
    verdicts = f"{folder}/verdicts.parquet"
    write_verdicts(verdicts, table["id"])
    source = Source("all", (path,), (verdicts,), ("",), "all")
    return Batch(f"{folder}/ours", "1", "benchmark", settings, (), (source,))


def write_verdicts(path: str, ids: pa.Array) -> None:
    """Lets all documents of a part pass, none with karma."""
    rows = pa.table({"id": ids, "karma": pa.nulls(len(ids), pa.int64())})
    pq.write_table(rows.append_column("reason", pa.array([""] * len(ids))), path)


def _run(batch: Batch) -> set[str]:
    """Runs all steps in this process; the ids of what is removed."""
    parts: list[Part] = []
    for step in steps_of(batch):
        parts += [part for unit in step.plan(parts) for part in step.make(unit)]
    tables = [pq.read_table(path, columns=["id"]) for path in Path(batch.folder).glob("part-*")]
    return {identity for table in tables for identity in table["id"].to_pylist()}


def template_recall(documents: int) -> None:
    """Pairs at 0.85 to 0.95 within a site whose other pages are just below the threshold."""
    rng = random.Random(1)

    def words(count: int) -> list[str]:
        return ["".join(rng.choices("etaoinshrdlu", k=9)) for _ in range(count)]

    print("similarity of strangers   of pairs   documents   leaders   pairs removed")
    for shared, own, alone in ((500, 100, 20), (500, 70, 20), (600, 60, 60)):
        template, texts = words(shared), []
        for _ in range(documents // 2):
            pair = words(own)
            texts += [" ".join([*template, *pair, *words(alone)]) for _ in range(2)]
        sets = [shingles_of(normalised(text, FOLD)) for text in texts[:3]]
        alike = [jaccard(sets[0], sets[2]), jaccard(sets[0], sets[1])]
        for leaders in (16, 256):
            settings = DedupSettings(leaders=leaders, keep=())
            with tempfile.TemporaryDirectory() as folder:
                removed = _run(make_batch(texts, folder, settings))
            share = len(removed) / (documents // 2)
            print(
                f"{alike[0]:24.2f}{alike[1]:11.2f}{documents:12,}{leaders:10}{share:16.4f}",
                flush=True,
            )


def _datatrove(texts: list[str], folder: str) -> float:
    """Its four MinHash steps, in the Python of the peers."""
    inputs = Path(folder, "input")
    inputs.mkdir()
    lines = (json.dumps({"id": str(i), "text": text}) for i, text in enumerate(texts))
    (inputs / "0.jsonl").write_text("\n".join(lines), encoding="utf-8")
    script = Path(__file__).with_name("peer_datatrove.py")
    done = subprocess.run(
        [PEERS / "bin/python", script, folder], check=True, capture_output=True, text=True
    )
    return float(done.stdout.split()[-1])


def _text_dedup(texts: list[str], folder: str, python: str) -> float:
    """Its MinHash command with the same n-grams, bands, rows and hashes, in one process."""
    inputs = Path(folder, "rows.jsonl")
    lines = (json.dumps({"id": i, "text": text}) for i, text in enumerate(texts))
    inputs.write_text("\n".join(lines), encoding="utf-8")
    settings = DedupSettings()
    command = [python, "-m", "text_dedup.minhash", "--path", "json"]
    options = {
        "data_files": inputs,
        "split": "train",
        "column": "text",
        "output": f"{folder}/text-dedup",
        "cache_dir": f"{folder}/cache",
        "ngram": SHINGLE_WORDS,
        "num_perm": HASHES,
        "b": settings.bands,
        "r": settings.rows,
        "hash_func": "xxh3",
        "num_proc": 1,
    }
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def _timed(make: Callable[[Any], Iterable[Part]], unit: Any) -> tuple[list[Part], float]:
    """The parts of a unit, and the seconds of processor time that it took."""
    start = time.process_time()
    return list(make(unit)), time.process_time() - start


def scale(size: int, folder: str) -> None:
    """Simulates `size` signatures, decides them, prints processor time, memory, what was found."""
    settings = DedupSettings(verify="signature")
    files = range(-(-size // FILE_ROWS))
    # Only the names of documents parts and their number matter: no text is read.
    names = tuple(f"part-{i}" for i in files)
    verdicts = tuple(f"{folder}/verdicts-{i}.parquet" for i in files)
    source = Source("simulated", names, verdicts, ("",) * len(files), "simulated")
    batch = Batch(folder, "1", "benchmark", settings, (), (source,))
    planted = simulate(batch, size)
    parts: list[Part] = []
    seconds = []
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        for step in (step for step in steps_of(batch) if step.name in TIMED):
            units, used = list(step.plan(parts)), 0.0
            make = sort_part if step.name == "Sign" else step.make
            for made, spent in pool.map(partial(_timed, make), units):
                parts += made
                used += spent
            seconds.append(used)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    times = "".join(f"{second:9.1f}" for second in [*seconds, sum(seconds)])
    print(f"{size:9,}{times}  {peak:12.2f}", flush=True)
    removed = {
        frozenset(pair)
        for path in sorted(Path(folder).glob("part-*"))
        for pair in zip(
            *pq.read_table(path, columns=["id", "kept_id"]).to_pydict().values(), strict=True
        )
    }
    found = len(planted & removed) / max(1, len(planted))
    print(
        f"           removed {len(removed):,}; of {len(planted):,} planted pairs {found:.4f}",
        flush=True,
    )


def simulate(batch: Batch, size: int) -> set[frozenset[str]]:
    """Writes signatures; the pairs of ids whose signatures agree in >= threshold of places."""
    settings, rng = batch.settings, np.random.default_rng(1)
    schema, planted = signature_schema(settings), set()
    template = rng.integers(0, 1 << 32, 2 * settings.rows, np.uint32)
    verdicts = batch.sources[0].verdicts
    for number, path in enumerate(batch.signatures()):
        rows = min(FILE_ROWS, size - number * FILE_ROWS)
        signatures = rng.integers(0, 1 << 32, (rows, settings.hashes), np.uint32)
        signatures[::TEMPLATE, : 2 * settings.rows] = template
        copies = np.arange(SHARE - 1, rows, SHARE)
        similarity = rng.uniform(0.6, 1.0, len(copies))[:, None]
        agree = rng.random((len(copies), settings.hashes)) < similarity
        signatures[copies] = np.where(agree, signatures[copies - 1], signatures[copies])
        share = (signatures[copies] == signatures[copies - 1]).mean(axis=1)
        ids = [page_id(str(i)) for i in range(number * FILE_ROWS, number * FILE_ROWS + rows)]
        similar = copies[share >= settings.threshold]
        planted |= {frozenset((ids[row], ids[row - 1])) for row in similar}
        _write_signatures(path, schema, ids, signatures, settings)
        write_verdicts(verdicts[number], pa.array(ids))
    return planted


def _write_signatures(
    path: str, schema: pa.Schema, ids: list[str], signatures: np.ndarray, settings: DedupSettings
) -> None:
    rows, width = len(ids), settings.rows
    exact = pa.array([bytes.fromhex(i) for i in ids], schema.field("exact").type)
    constant = [pa.array(np.full(rows, value)) for value in (500, 4500)]
    bands = [
        pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(4 * width),
            rows,
            [None, pa.py_buffer(np.ascontiguousarray(signatures[:, b * width : (b + 1) * width]))],
        )
        for b in range(settings.bands)
    ]
    table = pa.table([ids, exact, *constant, pa.array([""] * rows), *bands], schema=schema)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd", row_group_size=10_000)


if __name__ == "__main__":
    main()
