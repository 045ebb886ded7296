"""The memory and the rate of a build from many texts of one's own, links to documents.

    python benchmarks/own_texts.py [--rows 100000] [--words 200] [--files 10] [--kind parquet]
        [--workers 1] [--until documents]

Writes files of so many texts in all (by default some 1,000 characters each; no two of 20 words or
more are alike) into a temporary folder and builds their documents.  `--kind jsonl.zst` writes
packed JSON lines instead of Parquet.  The peaks of the resident memory of each stage, by a look
four times a second, are printed when it is done.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson
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


def groups(numbers: range, words: int) -> Iterator[dict[str, list[int] | list[str]]]:
    """Some rows at a time: `text` and `n`, the number of the row."""
    chance = random.Random(numbers.start)
    for start in range(0, len(numbers), _GROUP):
        some = numbers[start : start + _GROUP]
        yield {"n": [*some], "text": [" ".join(chance.choices(_WORDS, k=words)) for _ in some]}


def write_parquet(path: Path, numbers: range, words: int) -> None:
    """Writes a table."""
    schema = pa.schema({"n": pa.int64(), "text": pa.string()})
    with pq.ParquetWriter(path, schema) as writer:
        for columns in groups(numbers, words):
            writer.write_table(pa.table(columns, schema))


def write_lines(path: Path, numbers: range, words: int) -> None:
    """Writes packed JSON lines."""
    with pa.output_stream(path, compression="zstd") as stream:
        for columns in groups(numbers, words):
            for n, text in zip(columns["n"], columns["text"], strict=True):
                stream.write(orjson.dumps({"n": n, "text": text}) + b"\n")


_WRITERS = {"parquet": write_parquet, "jsonl.zst": write_lines}


def main() -> None:
    """Builds and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--words", type=int, default=200, help="Of a text")
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--kind", choices=_WRITERS, default="parquet")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--until", default="documents", help="The last stage")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        texts = Path(folder, "texts")
        texts.mkdir()
        for number in range(given.files):
            path = texts / f"{number:05d}.{given.kind}"
            _WRITERS[given.kind](path, range(number, given.rows, given.files), given.words)
        recipe = Recipe.checked(
            {
                "corpus": {"root": f"{folder}/corpus", "interval": "all"},
                "pages": {"source": "texts", "texts": {"path": str(texts)}},
                "documents": {"languages": ["en"], "min_words": min(20, given.words)},
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
