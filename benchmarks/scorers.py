"""fastText models: this project's reader against fastText; and what examples make of a classifier.

    python benchmarks/scorers.py speed --books BOOKS.ndjson.zst [--documents 1000]
    python benchmarks/scorers.py examples CORPUS --books BOOKS.ndjson.zst --pages PAGES.ndjson.zst

`speed` trains models by fastText (`pip install fasttext-community`) on passages of books, then has
both score the same texts: processor time of one core, best of three turns.
`examples` trains a classifier on each choice of good and bad examples and asks what it makes of the
documents of a corpus (of one interval).  PAGES are rows with `page_type` and `main_content`, as of
the WCXB data set (github.com/Murrough-Foley/web-content-extraction-benchmark).
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import fasttext
import orjson
import zstandard

from benchmarks.dedup import passages
from pipeline.quality.scorers.fasttext import FastText
from pipeline.quality.train import train_classifier
from pipeline.store.corpus import Corpus
from pipeline.store.scorer import ScorerOptions

TURNS = 3
#: Models as people use them: DCLM's is of words and bigrams with a dimension of 100.
MODELS: dict[str, dict[str, Any]] = {
    "words, dimension 100": {"dim": 100},
    "words and bigrams, dimension 100": {"dim": 100, "wordNgrams": 2},
    "subwords of 2 to 4 letters, dimension 16": {"dim": 16, "minn": 2, "maxn": 4},
}
#: Training data of the models: passages, of which every second one is "hq".
_TRAINING, _BUCKETS = 500, 200_000
#: Characters and pieces of books as good examples; least characters of a page.
_PIECE, _PIECES, _LEAST = 4_000, 1_056, 200


def speed(books: str, documents: int) -> None:
    """Both on the same texts, in turns."""
    texts = passages(books, documents)
    size = sum(map(len, texts)) / len(texts)
    print(f"{len(texts):,} texts of {size:,.0f} characters")
    with tempfile.TemporaryDirectory() as folder:
        training = Path(folder, "train.txt")
        training.write_text("".join(_lines(texts[:_TRAINING])), encoding="utf-8")
        for name, settings in MODELS.items():
            theirs = fasttext.train_supervised(
                str(training), epoch=1, thread=1, verbose=0, bucket=_BUCKETS, **settings
            )
            path = str(Path(folder, "model.bin"))
            theirs.save_model(path)
            ours = FastText(ScorerOptions(path))
            lines = [text.replace("\n", " ") for text in texts]
            turns = [
                (seconds(partial(ours.outputs, texts)), seconds(partial(theirs.predict, lines, -1)))
                for _ in range(TURNS)
            ]
            mine, peer = (min(turn[i] for turn in turns) / len(texts) for i in (0, 1))
            print(f"  {name}: {mine:.6f} s a text, fastText {peer:.6f}: {mine / peer:.1f} times")


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds of some work."""
    started = time.process_time()
    work()
    return time.process_time() - started


def _lines(texts: Sequence[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        yield f"__label__{'hq' if number % 2 else 'cc'} {' '.join(text.split())}\n"


def examples(root: str, books: str, pages: str) -> None:
    """A row a choice: held-out AUC, and pages of the corpus that score 0.5 or more."""
    corpus = Corpus(root)
    (interval,) = corpus.intervals("documents")
    rows = list(_rows(pages))
    book = [piece for row in _rows(books) for piece in _pieces(row["text"])]
    book = book[:: max(1, len(book) // _PIECES)][:_PIECES]
    article = _long(row["main_content"] for row in rows if row["page_type"] == "article")
    others = ("service", "product", "collection", "listing")
    other = _long(row["main_content"] for row in rows if row["page_type"] in others)
    with tempfile.TemporaryDirectory() as folder:
        write = {name: _write(Path(folder, f"{name}.ndjson"), texts) for name, texts in (
            ("books", book), ("articles", article), ("others", other))}  # fmt: skip
        for good, bad in [
            (["books"], []),
            (["books"], ["others"]),
            (["articles"], ["others"]),
            (["articles", "books"], ["others"]),
        ]:
            report = train_classifier(
                corpus,
                interval,
                str(Path(folder, "model.npz")),
                good_files=[write[name] for name in good],
                bad_files=[write[name] for name in bad],
            )
            documents = corpus.require("documents", interval).counts.kept
            said = report.held_out.render() if report.held_out else "too few held out"
            print(
                f"{' and '.join(good)}, {' and '.join(bad) or 'the corpus'}: {said}; "
                f"{report.above_half * documents:.0f} of {documents:,} pages with 0.5 or more"
            )
    print(f"{len(book):,} pieces of books, {len(article):,} articles, {len(other):,} others")


def _pieces(text: str) -> list[str]:
    return [text[i : i + _PIECE] for i in range(0, len(text), _PIECE)]


def _long(texts: Iterable[str]) -> list[str]:
    return [text for text in texts if len(text) >= _LEAST]


def _rows(path: str) -> Iterator[dict[str, Any]]:
    with open(path, "rb") as packed:
        stream = zstandard.ZstdDecompressor().stream_reader(packed)
        for line in io.TextIOWrapper(stream, encoding="utf-8"):
            yield orjson.loads(line)


def _write(path: Path, texts: Sequence[str]) -> str:
    path.write_bytes(b"".join(orjson.dumps({"text": text}) + b"\n" for text in texts))
    return str(path)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("speed", "examples"):
        command = commands.add_parser(name)
        command.add_argument("--books", required=True, help="ndjson.zst whose rows have a text")
        if name == "examples":
            command.add_argument("corpus")
            command.add_argument("--pages", required=True, help="ndjson.zst, as WCXB's")
        else:
            command.add_argument("--documents", type=int, default=1000)
    arguments = parser.parse_args()
    if arguments.command == "speed":
        speed(arguments.books, arguments.documents)
    else:
        examples(arguments.corpus, arguments.books, arguments.pages)


if __name__ == "__main__":
    main()
