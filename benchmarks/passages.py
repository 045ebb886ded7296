"""Passages: planted ones found, speed, and what suffix arrays or datatrove's sentences would cost.

    python benchmarks/passages.py --books BOOKS.ndjson.zst [--documents 3000]

Every second document gets a passage of 50 to 200 words of the one before it, at a random word;
with `--share 0.1` a tenth of all documents are such pairs.
All is one process; times are of the processor but for datatrove, which starts others.  The suffix
array is pydivsufsort's (`pip install pydivsufsort`) over words as numbers of four bytes, as Lee et
al. 2022 (arXiv 2107.06499) do over tokens of two; peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import random
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

from benchmarks.dedup import PEERS, make_batch, passages, reach_peers
from pipeline.dedup.passages.words import hash_words
from pipeline.dedup.settings import DedupSettings
from pipeline.dedup.steps import steps_of
from pipeline.store.addresses import page_id
from pipeline.store.parts import Part

WORDS = 50
STEPS = ("Minimize", "Share", "Connect", "Runs", "Cut")


class Planted(NamedTuple):
    """Words `start` to `stop` - 1 of text `number`, taken from another one."""

    number: int
    start: int
    stop: int


def plant(texts: list[str], share: float) -> tuple[list[str], list[Planted]]:
    """The texts, with passages of the one before in every second one of a share of them."""
    rng = random.Random(1)
    words = [text.split() for text in texts]
    planted = []
    for number in range(1, int(share * len(words)), 2):
        source = words[number - 1]
        length = min(rng.randint(WORDS, 4 * WORDS), len(source))
        start, place = rng.randrange(len(source) - length + 1), rng.randrange(len(words[number]))
        words[number][place:place] = source[start : start + length]
        planted.append(Planted(number, place, place + length))
    return [" ".join(own) for own in words], planted


def ours(texts: list[str], planted: list[Planted]) -> None:
    """The stage's steps: seconds of each, what is found, and what is cut though it is nowhere."""
    settings = DedupSettings.model_validate(
        {"passages": {"enabled": True, "bounds": "word", "words": WORDS}}
    )
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        batch = make_batch(texts, folder, settings)
        parts: list[Part] = []
        seconds: dict[str, float] = {}
        for step in steps_of(batch):
            start = time.process_time()
            parts += [part for unit in step.plan(parts) for part in step.make(unit)]
            seconds[step.name] = time.process_time() - start
        rows = pq.read_table(sorted(Path(batch.folder).glob("_passages-*"))[0]).to_pylist()
        removed = pq.read_table(sorted(Path(batch.folder).glob("part-*"))[0]).to_pylist()
    numbers = {page_id(str(number)): number for number in range(len(texts))}
    gone = {numbers[row["id"]] for row in removed}
    covered = {number: np.zeros(len(texts[number]), bool) for number in range(len(texts))}
    wrong = 0
    for row in rows:
        covered[numbers[row["id"]]][row["start"] : row["stop"]] = True
        kept = texts[numbers[row["kept_id"]]][row["kept_start"] : row["kept_stop"]]
        wrong += kept.split() != texts[numbers[row["id"]]][row["start"] : row["stop"]].split()
    # A planted text may be the one that keeps the passage, by the keep order.
    keeping = {(numbers[row["kept_id"]]) for row in rows}
    found = 0
    for one in planted:
        words = hash_words(texts[one.number])
        first, last = words.starts[one.start], words.stops[one.stop - 1]
        whole = bool(covered[one.number][first:last].all())
        found += whole or one.number in gone or one.number in keeping
    print(f"{len(texts):,} documents, {megabytes:.1f} MB, {len(planted):,} planted passages")
    print(f"  found {found / len(planted):.4f}; of {len(rows):,} that go, wrongly {wrong}")
    for name in STEPS:
        print(f"  {name:12}{seconds[name]:7.2f} s {megabytes / seconds[name]:9.1f} MB/s")
    together = sum(seconds[name] for name in STEPS)
    rest = sum(seconds.values()) - together
    print(f"  passages    {together:7.2f} s {megabytes / together:9.1f} MB/s")
    print(f"  all else    {rest:7.2f} s {megabytes / rest:9.1f} MB/s")


def suffix_array(texts: list[str], _planted: list[Planted]) -> None:
    """Suffix array and common prefixes of all words, up to which places repeat 50 words."""
    import pydivsufsort  # a peer, which need not be there

    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    start = time.process_time()
    hashes = np.concatenate([hash_words(text).hashes for text in texts])
    numbers = np.unique(hashes, return_inverse=True)[1].astype(">u4").view(np.uint8).copy()
    order = pydivsufsort.divsufsort(numbers)
    common = pydivsufsort.kasai(numbers, order)
    repeated = int(((common >= 4 * WORDS) & (order % 4 == 0)).sum())
    seconds = time.process_time() - start
    print(f"suffix array: {seconds:.2f} s, {megabytes / seconds:.1f} MB/s, {repeated:,} places")


def sentences(texts: list[str], _planted: list[Planted]) -> None:
    """datatrove's sentence dedup, by the clock."""
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder, "input")
        inputs.mkdir()
        lines = (json.dumps({"id": str(i), "text": text}) for i, text in enumerate(texts))
        (inputs / "0.jsonl").write_text("\n".join(lines), encoding="utf-8")
        script = Path(__file__).with_name("peer_sentences.py")
        done = subprocess.run(
            [PEERS / "bin/python", script, folder], check=True, capture_output=True, text=True
        )
    seconds = float(done.stdout.split()[-1])
    print(f"datatrove's sentences: {seconds:.1f} s, {megabytes / seconds:.2f} MB/s")


def measured(
    one: Callable[[list[str], list[Planted]], None], books: str | None, documents: int, share: float
) -> None:
    """Runs a way and says its greatest memory."""
    texts, planted = plant(passages(books, documents), share)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    one(texts, planted)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"  {(after - before) / 1e3:,.0f} MB more than with the texts alone", flush=True)


def main() -> None:
    """Reads the command line."""
    reach_peers()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--books", help="ndjson.zst whose rows have a text")
    parser.add_argument("--documents", type=int, default=3000)
    parser.add_argument("--share", type=float, default=1.0, help="of documents, in such pairs")
    arguments = parser.parse_args()
    ways = [ours]
    if importlib.util.find_spec("pydivsufsort"):
        ways.append(suffix_array)
    if (PEERS / "bin/python").exists():
        ways.append(sentences)
    for way in ways:
        # A process of its own, so that the memory is each way's own.
        process = multiprocessing.get_context("spawn").Process(
            target=measured,
            args=(way, arguments.books, arguments.documents, arguments.share),
        )
        process.start()
        process.join()


if __name__ == "__main__":
    main()
