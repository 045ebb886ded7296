"""Training of the two models that measures can use: the classifier and the n-gram model.

Good pages are those that readers voted up, or any text the user gives; the others are
the corpus's remaining documents.  A tenth of both, chosen by the hash of the id, is
held out, and the report says how the classifier does there.
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
from pipeline.quality.words import tokens_of
from pipeline.store.chance import chance_of
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError
from pipeline.store.parquet import batches, read_rows, read_table
from pipeline.store.textfiles import read_text

Floats = npt.NDArray[np.float64]

ROUNDS = 200  # of gradient descent; the loss is flat well before
_STEP = 0.5  # Adagrad's
_DECAY = 1e-6  # of the weights; held-out loss hardly depends on it
_HELD_OUT = 10  # one of ten
_LEAST = 20  # pages of each kind


@dataclass(frozen=True)
class ClassifierReport:
    """What the classifier was trained on, and how it does on held-out pages at score 0.5."""

    model: str
    good: int
    others: int
    held_out_good: int
    held_out_others: int
    precision: float
    recall: float
    #: Shares of held-out pages that GPT-3's draw would keep: (2 - score)^-9.
    kept_good: float
    kept_others: float

    def render(self) -> str:
        """The report as text."""
        return (
            f"Trained {self.model} on {self.good:,} good and {self.others:,} other pages.\n"
            f"Held out: {self.held_out_good:,} good, {self.held_out_others:,} others: "
            f"precision {self.precision:.3f}, recall {self.recall:.3f}; GPT-3's draw keeps "
            f"{self.kept_good:.1%} of the good and {self.kept_others:.1%} of the others."
        )


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
) -> ClassifierReport:
    """Trains the classifier and writes it to `model`.

    Good pages are the interval's documents with `min_karma` or more, or, when given, the
    texts of `good_files` (see `texts_of`).  Raises SettingError with too few of a kind.
    """
    examples = sorted(_examples(corpus, interval, min_karma, good_files))
    kept = _matrix([e for e in examples if not _is_held_out(e[0])])
    held = _matrix([e for e in examples if _is_held_out(e[0])])
    for rows, what in ((kept, "to train on"), (held, "to test on")):
        good, others = int(rows.good.sum()), int((1 - rows.good).sum())
        if min(good, others) < (_LEAST if rows is kept else 1):
            raise SettingError(
                f"{good} good and {others} other pages {what} are too few for a classifier",
                "Choose another min_karma, or give files with good text",
            )
    weights, bias = _fit(kept)
    trained = ClassifierModel(weights.astype(np.float32), bias)
    trained.write(model)
    return _report(model, trained, kept, held)


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
    text = read_text(path)
    if ".ndjson" in path or ".jsonl" in path:
        for number, line in enumerate(text.splitlines(), 1):
            try:
                yield str(orjson.loads(line)["text"])
            except (orjson.JSONDecodeError, KeyError, TypeError):
                raise SettingError(
                    f"{path}, line {number}: no JSON object with a text", "Mend the file"
                ) from None
    else:
        yield from (part for part in text.split("\n\n") if part.strip())


Example = tuple[str, bool, list[str]]


def _examples(
    corpus: Corpus, interval: str, min_karma: int, good_files: Sequence[str]
) -> Iterator[Example]:
    """(id, is good, tokens) of all pages."""
    karma: dict[str, int] = {}
    for path in corpus.paths("links", interval):
        table = read_table(path, ["id", "karma"])
        karma.update(zip(*(column.to_pylist() for column in table.columns), strict=True))
    for path in corpus.paths("documents", interval):
        for row in read_rows(path, ["id", "text"]):
            good = not good_files and karma.get(row["id"], 0) >= min_karma
            yield row["id"], good, tokens_of(row["text"])
    for path in good_files:
        for text in texts_of(path):
            yield hashlib.blake2b(text.encode(), digest_size=16).hexdigest(), True, tokens_of(text)


def _is_held_out(page: str) -> bool:
    return chance_of(page, "held out") < 1 / _HELD_OUT


def _matrix(examples: Iterable[Example]) -> _Rows:
    rows: list[Numbers] = []
    buckets: list[Numbers] = []
    values: list[Floats] = []
    good: list[float] = []
    for number, (_, is_good, tokens) in enumerate(examples):
        found, weights = features(tokens)
        rows.append(np.full(len(found), number, dtype=np.int64))
        buckets.append(found)
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


def _report(path: str, model: ClassifierModel, kept: _Rows, held: _Rows) -> ClassifierReport:
    scores = _sigmoid(held.margins(model.weights.astype(np.float64), model.bias))
    chosen, good = scores >= 0.5, held.good > 0
    right = float((chosen & good).sum())
    chance = (2.0 - scores) ** -9.0
    return ClassifierReport(
        model=path,
        good=int(kept.good.sum()),
        others=int((1 - kept.good).sum()),
        held_out_good=int(good.sum()),
        held_out_others=int((~good).sum()),
        precision=right / max(float(chosen.sum()), 1.0),
        recall=right / max(float(good.sum()), 1.0),
        kept_good=float(chance[good].mean()),
        kept_others=float(chance[~good].mean()),
    )
