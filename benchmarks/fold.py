"""What each fold of `dedup.fold` costs and finds on real pages.

    python benchmarks/fold.py TEXTS… [--examples 5]

TEXTS are parts of the documents table (Parquet) or rows with a `text` or a `main_content`
(ndjson, packed or not).  For no fold, each one alone, the default and all: processor time from
text to shingles, and the pages that near-duplicates of the threshold would remove.  `--examples`
shows pairs that are duplicates by the fold and strangers without it, by the lines they differ in.
"""

from __future__ import annotations

import argparse
import difflib
import io
import json
import time
from collections.abc import Iterator

import numpy as np
import pyarrow.parquet as pq
import zstandard

from pipeline.dedup.bands import band_keys, bucket_pairs
from pipeline.dedup.exact import exact_hash
from pipeline.dedup.minhash import Hashes64, shingles_of, signature_of
from pipeline.dedup.normalise import Folds, normalised
from pipeline.dedup.representatives import removals
from pipeline.dedup.settings import DedupSettings
from pipeline.dedup.verify import jaccard

SETTINGS = DedupSettings()
FOLDS: dict[str, Folds] = {
    "none": frozenset(),
    "case": frozenset({"case"}),
    "accents": frozenset({"accents"}),
    "punctuation": frozenset({"punctuation"}),
    "digits": frozenset({"digits"}),
    "default": SETTINGS.folds,
    "all": frozenset({"case", "accents", "punctuation", "digits"}),
}
LINES = 6  # lines of a difference that are shown


def texts_of(path: str) -> Iterator[str]:
    """The texts of a file."""
    if path.endswith(".parquet"):
        yield from pq.read_table(path, columns=["text"])["text"].to_pylist()
        return
    with open(path, "rb") as packed:
        stream = zstandard.ZstdDecompressor().stream_reader(packed)
        lines = io.TextIOWrapper(stream if path.endswith(".zst") else packed, encoding="utf-8")
        for line in lines:
            row = json.loads(line)
            yield row["text"] if "text" in row else row["main_content"]


def near(sets: list[Hashes64]) -> dict[int, tuple[int, float]]:
    """{removed: (kept, similarity)}, the first of two being kept."""
    signatures = np.array([signature_of(one, SETTINGS.hashes) for one in sets])
    numbers, pairs, rows = np.arange(len(sets)), set(), SETTINGS.rows
    for band in range(SETTINGS.bands):
        keys = band_keys(signatures[:, band * rows : (band + 1) * rows])
        later, earlier = bucket_pairs(keys, numbers, SETTINGS.leaders)
        pairs |= set(zip(later.tolist(), earlier.tolist(), strict=True))
    found = removals(
        sorted(pairs), lambda one, other: jaccard(sets[one], sets[other]), SETTINGS.threshold
    )
    return {removal.number: (removal.kept, removal.similarity) for removal in found}


def difference(one: str, other: str) -> str:
    """Some lines in which two texts differ."""
    lines = difflib.unified_diff(one.splitlines(), other.splitlines(), n=0, lineterm="")
    changed = [line[:120] for line in lines if not line.startswith(("---", "+++", "@@"))]
    return "\n".join(f"      {line}" for line in changed[:LINES])


def main() -> None:
    """A line a fold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("texts", nargs="+")
    parser.add_argument("--examples", type=int, default=0)
    asked = parser.parse_args()
    texts = list({exact_hash(t): t for path in asked.texts for t in texts_of(path)}.values())
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(texts):,} texts of {megabytes:.1f} MB, exact copies left out")
    removed: dict[str, dict[int, tuple[int, float]]] = {}
    for name, fold in FOLDS.items():
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            sets = [shingles_of(normalised(text, fold)) for text in texts]
            best = min(best, time.process_time() - start)
        removed[name] = near(sets)
        only = sorted(removed[name].keys() - removed["none"].keys())
        print(
            f"{name:12}{megabytes / best:8.1f} MB/s {len(removed[name]):6,} removed, "
            f"{len(only):,} of them by the fold",
            flush=True,
        )
        for number in only[: asked.examples]:
            kept, similarity = removed[name][number]
            print(f"    {similarity:.3f}\n{difference(texts[kept], texts[number])}")


if __name__ == "__main__":
    main()
