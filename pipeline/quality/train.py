"""Training of the two models that measures can use: the classifier and the n-gram model.

Good pages are those that readers voted up, or any text the user gives; the others are
texts that the user gives as well, or the corpus's remaining documents, as Common Crawl's were in
GPT-3.  A tenth of both, chosen by the hash of the id, is held out, and the report says how the
classifier does there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import orjson

from pipeline.quality import perplexity
from pipeline.quality.classifier import BUCKETS, ClassifierModel, Numbers, features
from pipeline.quality.held_out import LEAST, HeldOut, held_out
from pipeline.quality.scorers.quantiles import check_shares
from pipeline.quality.words import tokens_of
from pipeline.store.chance import chance_of
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError
from pipeline.store.parquet import batches, read_rows, read_table
from pipeline.store.textfiles import lines_of, read_text

Floats = npt.NDArray[np.float64]

ROUNDS = 200  # of gradient descent; the loss is flat well before
_STEP = 0.5  # Adagrad's
_DECAY = 1e-6  # of the weights; held-out loss hardly depends on it
_HELD_OUT = 10  # one of ten
_LEAST = 20  # pages of each kind
#: Share of the documents below which, or above whose rest, a classifier tells hardly any apart.
_FEW = 0.05
#: Shares of the documents for which thresholds are told.
SHARES = (0.1, 0.2, 0.5)


@dataclass(frozen=True)
class ClassifierReport:
    """What the classifier was trained on, how it does on held-out pages, and what it keeps."""

    model: str
    good: int
    others: int
    held_out_good: int
    held_out_others: int
    #: None where too few pages were held out to say anything.
    held_out: HeldOut | None
    #: The share of the interval's documents that score 0.5 or more.
    above_half: float
    #: `min_score` by the share of the interval's documents that it keeps, as "0.1".
    thresholds: dict[str, float]

    def render(self) -> str:
        """The report as text."""
        lines = [
            f"Trained {self.model} on {self.good:,} good and {self.others:,} other pages.",
            f"Held out: {self.held_out_good:,} good, {self.held_out_others:,} others: "
            + (
                self.held_out.render()
                if self.held_out
                else f"too few to say how well it does ({LEAST} of each at least)."
            ),
        ]
        lines.append(f"Score 0.5 keeps {self.above_half:.1%} of the documents.")
        if not _FEW <= self.above_half <= 1 - _FEW:
            lines.append(
                "So it may tell where a text is from and not how good it is: give --good and --bad "
                "examples that are both like these documents (docs/quality.md)."
            )
        for share, score in self.thresholds.items():
            lines.append(f"min_score = {score:.4f} keeps {float(share):.0%} of the documents.")
        return "\n".join(lines)


@dataclass(frozen=True)
class _Rows:
    """Documents as one sparse matrix: entry i is values[i] in row rows[i], bucket buckets[i]."""

    rows: Numbers
    buckets: Numbers
    values: Floats
    good: Floats  # 1 or 0, one a row

    def margins(self, weights: Floats, bias: float) -> Floats:
        products = self.values * weights[self.buckets]
        summed = np.bincount(self.rows, products, minlength=len(self.good))
        return np.asarray(summed + bias, dtype=np.float64)


def train_classifier(
    corpus: Corpus,
    interval: str,
    model: str,
    *,
    min_karma: int = 10,
    good_files: Sequence[str] = (),
    bad_files: Sequence[str] = (),
    shares: Sequence[float] = SHARES,
) -> ClassifierReport:
    """Trains the classifier and writes it to `model`.

    Good pages are the interval's documents with `min_karma` or more, or, when given, the
    texts of `good_files` (see `texts_of`); the others are the texts of `bad_files`, or the
    interval's other documents.  `shares`: of the documents, to say by which score they are kept.
    Raises SettingError with too few of a kind, or without any karma to choose by.
    """
    check_shares(shares)
    examples = sorted(_examples(corpus, interval, min_karma, good_files, bad_files))
    kept = _matrix([e for e in examples if not _is_held_out(e[0])])
    held = _matrix([e for e in examples if _is_held_out(e[0])])
    good, others = int(kept.good.sum()), int((1 - kept.good).sum())
    if min(good, others) < _LEAST:
        raise SettingError(
            f"{good} good and {others} other pages to train on are too few for a classifier",
            f"Choose another min_karma, or give files with good and bad text: {_LEAST} of each",
        )
    weights, bias = _fit(kept)
    trained = ClassifierModel(weights.astype(np.float32), bias)
    trained.write(model)
    of_corpus = _scores(trained, corpus, interval)
    scores = _sigmoid(held.margins(trained.weights.astype(np.float64), trained.bias))
    return ClassifierReport(
        model=model,
        good=good,
        others=others,
        held_out_good=int(held.good.sum()),
        held_out_others=int((1 - held.good).sum()),
        held_out=held_out(scores, held.good > 0),
        above_half=float((of_corpus >= 0.5).mean()),
        thresholds={f"{share:g}": float(np.quantile(of_corpus, 1 - share)) for share in shares},
    )


def _scores(model: ClassifierModel, corpus: Corpus, interval: str) -> Floats:
    """Of all documents of the interval: float64 (documents,)."""
    scores = [
        model.score(tokens_of(row["text"]))
        for path in corpus.paths("documents", interval)
        for row in read_rows(path, ["text"])
    ]
    return np.array(scores, dtype=np.float64)


def train_perplexity(texts: Sequence[str], model: str) -> int:
    """Trains the n-gram model on files (see `texts_of`); gives the number of tokens."""
    trained = perplexity.train(tokens_of(text) for path in texts for text in texts_of(path))
    trained.write(model)
    return trained.tokens


def texts_of(path: str) -> Iterator[str]:
    """The texts of a file: the column or field `text` of Parquet or JSON lines, else paragraphs.

    Paragraphs are parted by blank lines.  `.zst`, `.gz`, `.xz` and `.bz2` are unpacked.
    """
    if path.endswith(".parquet"):
        for batch in batches(path, ["text"], remedy="Fetch it again, or write it anew"):
            if "text" not in batch.schema.names:
                raise SettingError(f"{path} has no column `text`", "Name another file")
            yield from batch.column("text").to_pylist()
        return
    if ".ndjson" in path or ".jsonl" in path:
        for number, line in enumerate(lines_of(read_text(path)), 1):
            try:
                if line.strip():
                    yield str(orjson.loads(line)["text"])
            except (orjson.JSONDecodeError, KeyError, TypeError):
                raise SettingError(
                    f"{path}, line {number}: no JSON object with a text", "Mend the file"
                ) from None
    else:
        yield from (part for part in read_text(path).split("\n\n") if part.strip())


Example = tuple[str, bool, list[str]]


def _examples(
    corpus: Corpus,
    interval: str,
    min_karma: int,
    good_files: Sequence[str],
    bad_files: Sequence[str],
) -> Iterator[Example]:
    """(id, is good, tokens) of all pages."""
    if not good_files or not bad_files:
        karma = {} if good_files else _karma(corpus, interval)
        for path in corpus.paths("documents", interval):
            for row in read_rows(path, ["id", "text"]):
                good = karma.get(row["id"], 0) >= min_karma if karma else False
                if not (good_files if good else bad_files):
                    yield row["id"], good, tokens_of(row["text"])
    for files, good in ((good_files, True), (bad_files, False)):
        for path in files:
            for text in texts_of(path):
                page = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
                yield page, good, tokens_of(text)


def _karma(corpus: Corpus, interval: str) -> dict[str, int]:
    """The karma of the interval's links; SettingError where none has any, as links of lists."""
    karma: dict[str, int] = {}
    for path in corpus.paths("links", interval):
        rows = read_table(path, ["id", "karma"])
        karma.update(
            (page, points)
            for page, points in zip(rows["id"].to_pylist(), rows["karma"].to_pylist(), strict=True)
            if points is not None
        )
    if not karma:
        raise SettingError(
            "No link has karma by which good pages could be chosen", "Give files with --good"
        )
    return karma


def _is_held_out(page: str) -> bool:
    return chance_of(page, "held out") < 1 / _HELD_OUT


def _matrix(examples: Iterable[Example]) -> _Rows:
    rows: list[Numbers] = []
    buckets: list[Numbers] = []
    values: list[Floats] = []
    good: list[float] = []
    for number, (_, is_good, tokens) in enumerate(examples):
        columns, weights = features(tokens)
        rows.append(np.full(len(columns), number, dtype=np.int64))
        buckets.append(columns)
        values.append(weights.astype(np.float64))
        good.append(float(is_good))
    empty = np.empty(0, dtype=np.int64)
    return _Rows(
        np.concatenate([empty, *rows]),
        np.concatenate([empty, *buckets]),
        np.concatenate([empty.astype(np.float64), *values]),
        np.array(good, dtype=np.float64),
    )


def _fit(rows: _Rows) -> tuple[Floats, float]:
    """Logistic regression by Adagrad over all rows at once; both kinds weigh the same in sum."""
    weights, squares = np.zeros(BUCKETS), np.full(BUCKETS, 1e-8)
    bias, bias_squares = 0.0, 1e-8
    share = rows.good.mean()
    balance = np.where(rows.good > 0, 0.5 / share, 0.5 / (1 - share)) / len(rows.good)
    for _ in range(ROUNDS):
        error = (_sigmoid(rows.margins(weights, bias)) - rows.good) * balance
        slope: Floats = np.bincount(
            rows.buckets, rows.values * error[rows.rows], minlength=BUCKETS
        ).astype(np.float64)
        slope += _DECAY * weights
        squares += slope**2
        weights -= _STEP * slope / np.sqrt(squares)
        bias_squares += error.sum() ** 2
        bias -= _STEP * error.sum() / np.sqrt(bias_squares)
    return weights, float(bias)


def _sigmoid(margins: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(margins, -60, 60))), dtype=np.float64)
