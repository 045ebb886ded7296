"""`webtext train-extractor`: from labelled pages to a model, with a report by folds of domains.

1. Weights of words are fitted; for the pages of each fold, on all others.
2. First-stage trees are fitted, again for each fold on the others, so that each page has chances
   from a model that has not seen its domain.
3. Second-stage trees are fitted on features of these chances, for each fold and on all.

The report is on texts chosen by the folds' models; the model that is written has seen all pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.documents.blocks.choose import choose
from pipeline.documents.blocks.context import context
from pipeline.documents.blocks.forest import Forest
from pipeline.documents.blocks.lexicon import WordWeights
from pipeline.documents.blocks.model import Model
from pipeline.documents.blocks.structure import Structure
from pipeline.documents.blocks.table import FeatureTable, Short
from pipeline.documents.title import find_title
from pipeline.documents.training import trees
from pipeline.documents.training.dataset import TrainingPage, examples, parsed, rows_of
from pipeline.documents.training.pages import LabelledPage, read_pages
from pipeline.documents.training.report import Score, scores
from pipeline.documents.training.weigh import Words
from pipeline.store.errors import SettingError

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

#: Blocks that are surely no text are most of a page: of those with labels below the first
#: number this share is learned from, with weights that make up for the rest.
_EASY, _KEPT_EASY = 0.05, 0.25
_FEWEST_PAGES = 50


@dataclass(frozen=True)
class TrainingEffort:
    """How much to train: folds of the report, trees of each stage, processor threads."""

    folds: int = 5
    first_trees: int = 400
    second_trees: int = 400
    rate: float = 0.1
    threads: int = 1


def fold_model(model: str, fold: int) -> str:
    """The file of the model that has seen no page of a fold, beside that of all pages."""
    folder, slash, name = model.rpartition("/")
    return f"{folder}{slash}fold{fold}-{name}"


def train(
    paths: Sequence[str],
    model: str,
    effort: TrainingEffort,
    say: Callable[[str], None],
    keep_folds: bool = False,
) -> list[Score]:
    """Trains a model on the pages of files (`pages.py`), writes it, and gives the report.

    With `keep_folds` the models of the folds are written too, as `fold_model` names them.

    Raises WebtextError for a broken file or a missing library, SettingError with too few pages.
    """
    trees.require()
    run = _Run(paths, effort, say)
    lexicon = run.weigh()
    run.look()
    first = run.stage(run.first, effort.first_trees, "first")
    run.look_again()
    second = run.stage(run.second, effort.second_trees, "second")
    Model(lexicon, first, second).write(model)
    if keep_folds:
        for fold, one in enumerate(run.fold_models()):
            one.write(fold_model(model, fold))
    say(f"Wrote {model}")
    return run.report()


class _Run:
    """The state of one training."""

    def __init__(
        self, paths: Sequence[str], effort: TrainingEffort, say: Callable[[str], None]
    ) -> None:
        self._effort, self._say = effort, say
        self._examples: list[TrainingPage] = []
        self._words = Words()
        for example, layout in examples(read_pages(paths), effort.folds):
            self._examples.append(example)
            self._words.add(layout, example.page.domain)
        if len(self._examples) < _FEWEST_PAGES:
            raise SettingError(
                f"{len(self._examples)} labelled pages are too few to train on",
                f"Give {_FEWEST_PAGES} at least; some hundreds of each kind are a start",
            )
        sizes = [len(example.texts) for example in self._examples]
        self._starts = np.concatenate([[0], np.cumsum(sizes)])
        self._fold = np.repeat([example.fold for example in self._examples], sizes)
        self._labels = np.concatenate([example.labels for example in self._examples])
        self._weights = self._thinned()
        self._lexicons: list[WordWeights] = []
        self._forests: list[Forest] = []  # of the folds, first stage and second
        self._trees: list[Structure] = []
        self.first: tuple[Short, list[str]]
        self.second: tuple[Short, list[str]]
        self._chances = np.zeros(len(self._fold), dtype=np.int64)
        say(f"{len(sizes):,} examples, {len(self._fold):,} blocks")

    def weigh(self) -> WordWeights:
        """Fits the weights of words for each fold and for all; gives the last."""
        matrices = self._words.matrices()
        del self._words
        for fold in range(self._effort.folds):
            self._lexicons.append(matrices.fit(*self._learned(fold)))
        everything = matrices.fit(*self._learned(None))
        self._say(f"{len(everything.names):,} words of names, {len(everything.texts):,} of texts")
        return everything

    def look(self) -> None:
        """Computes the first-stage features of all examples."""
        for number, example in enumerate(self._examples):
            found, tree = rows_of(example, self._lexicons[example.fold])
            self._trees.append(tree)
            if number == 0:
                names = list(found.names)
                table = np.empty((len(names), len(self._fold)), dtype=np.int16)
            table[:, self._rows(number)] = found.rows
        self.first = table, names
        self._say(f"{len(names)} first-stage features")

    def look_again(self) -> None:
        """Adds the second-stage features, from the chances that the folds' models gave."""
        table, names = self.first
        for number, example in enumerate(self._examples):
            rows = self._rows(number)
            found = context(self._trees[number], self._chances[rows], example.words)
            if number == 0:
                more = list(found.names)
                added = np.empty((len(more), len(self._fold)), dtype=np.int16)
            added[:, rows] = found.rows
        self.second = np.concatenate([table, added]), names + more

    def stage(self, features: tuple[Short, list[str]], count: int, name: str) -> Forest:
        """Fits the trees of a stage: for each fold, whose chances are kept, and on all."""
        table, names = features
        chances = np.zeros_like(self._chances)
        for fold in range(self._effort.folds):
            forest = self._fit(table, names, count, fold)
            self._forests.append(forest)
            rows = np.flatnonzero(self._fold == fold)
            chances[rows] = forest.chances(FeatureTable(tuple(names), table[:, rows]))
            self._say(f"{name} stage: fold {fold + 1} of {self._effort.folds}")
        self._chances = chances
        return self._fit(table, names, count, None)

    def fold_models(self) -> Iterator[Model]:
        """The models of the folds; each has seen no page of its own."""
        folds = self._effort.folds
        stages = zip(self._lexicons, self._forests[:folds], self._forests[folds:], strict=True)
        return (Model(*parts) for parts in stages)

    def report(self) -> list[Score]:
        """Scores of the texts that the folds' models choose."""
        scored: list[LabelledPage] = []
        texts: list[str] = []
        for number, example in enumerate(self._examples):
            if not example.nameless:
                scored.append(example.page)
                texts.append(self._text(number, example))
        return scores(scored, texts)

    def _text(self, number: int, example: TrainingPage) -> str:
        layout, head = parsed(example, self._lexicons[example.fold])
        title = find_title(head)
        chosen = choose(
            layout,
            self._trees[number],
            self._chances[self._rows(number)],
            example.words,
            title,
            False,
        )
        return "\n".join(
            text for text, is_chosen in zip(layout.text, chosen, strict=True) if is_chosen
        )

    def _fit(self, table: Short, names: list[str], count: int, fold: int | None) -> Forest:
        rows, labels, weights = self._learned(fold)
        return trees.fit(
            np.ascontiguousarray(table[:, rows].T),
            labels,
            weights,
            names,
            count,
            self._effort.rate,
            self._effort.threads,
        )

    def _rows(self, number: int) -> slice:
        return slice(int(self._starts[number]), int(self._starts[number + 1]))

    def _learned(self, fold: int | None) -> tuple[Rows, Floats, Floats]:
        """Rows that are learned from (without those of a fold), their labels and weights."""
        known = self._weights > 0
        if fold is not None:
            known &= self._fold != fold
        rows = np.flatnonzero(known)
        return rows, self._labels[rows], self._weights[rows]

    def _thinned(self) -> Floats:
        weights = np.concatenate([example.weights for example in self._examples])
        easy = self._labels < _EASY
        drawn = np.random.default_rng(1).random(len(weights)) < _KEPT_EASY
        weights[easy] /= _KEPT_EASY
        weights[easy & ~drawn] = 0.0
        return weights
