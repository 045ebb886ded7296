"""The memory and the rate of a build from many texts of one's own, links to documents.

    python benchmarks/own_texts.py [--rows 100000] [--files 10] [--workers 1] [--until documents]

Writes Parquet files of so many texts in all (some 1,000 characters each, no two alike) into a
temporary folder and builds their documents.  The peaks of the resident memory of each stage, by
a look four times a second, are printed when it is done.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from memory import Watch

from pipeline.build.build import build
from pipeline.build.recipe import Recipe

_WORDS = (
    "the river begins in hills to north of town where rain gathers shallow pools among heather "
    "farmers have used its water for centuries and old mills that stand along banks show how much "
    "they needed it spring meadows flood which helps grass grow brings herons back nobody remembers"
).split()
_GROUP = 10_000  # rows that are in memory


def write_texts(folder: Path, rows: int, files: int) -> None:
    """Writes the tables: `text` and `n`, the number of the row."""
    chance = random.Random(0)
    for number in range(files):
        mine = range(number, rows, files)
        schema = pa.schema({"n": pa.int64(), "text": pa.string()})
        with pq.ParquetWriter(folder / f"{number:05d}.parquet", schema) as writer:
            for start in range(0, len(mine), _GROUP):
                some = mine[start : start + _GROUP]
                texts = [" ".join(chance.choices(_WORDS, k=200)) for _ in some]
                writer.write_table(pa.table({"n": list(some), "text": texts}, schema))


def main() -> None:
    """Builds and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--until", default="documents", help="The last stage")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        texts = Path(folder, "texts")
        texts.mkdir()
        write_texts(texts, given.rows, given.files)
        recipe = Recipe.checked(
            {
                "corpus": {"root": f"{folder}/corpus", "interval": "all"},
                "pages": {"source": "texts", "texts": {"path": str(texts)}},
                "documents": {"languages": ["en"]},
                "runner": {"workers": given.workers},
            },
            "own_texts.py",
        )
        watch = Watch()
        watch.start()
        build(recipe, until=given.until, say=watch.say)
        watch.ended.set()
        watch.join()


if __name__ == "__main__":
    main()
