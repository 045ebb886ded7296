"""Scores of one part of documents: read where an earlier build left them, else made.

A scorer costs up to a thousand times what all measures do.  So its scores have a table of their
own beside the measurements, by a key of their own: another measure, scorer or ensemble, or
another table of quantiles, scores nothing again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType

import pyarrow as pa

from pipeline.quality.scorers.quantiles import Ensemble
from pipeline.quality.scorers.settings import EnsembleSettings, ScorerSettings
from pipeline.store import files
from pipeline.store.parquet import read_table
from pipeline.store.parts import Part, PartWriter, finished_part, work_key
from pipeline.store.scorer import Scorer, kind_of

SCORES = pa.schema([("id", pa.string()), ("score", pa.float64())])
#: Texts that a scorer is given at once, which it parts into batches; they are those of a part in
#: its order, so what shares a batch does not depend on who scores it.
TEXTS_AT_ONCE = 128


def score_columns(
    scorers: Mapping[str, ScorerSettings], ensembles: Mapping[str, EnsembleSettings]
) -> list[str]:
    """The columns of a recipe's scorers, then of its ensembles."""
    columns = [f"scorers_{name}_score" for name in scorers]
    for name in ensembles:
        columns += [f"ensembles_{name}_rank", f"ensembles_{name}_bucket"]
    return columns


def score_row(scores: Mapping[str, float], ensembles: Sequence[Ensemble]) -> dict[str, float]:
    """The columns of one text, from the scores that the scorers give it."""
    row = {f"scorers_{name}_score": score for name, score in scores.items()}
    for ensemble in ensembles:
        row |= ensemble.columns(scores)
    return row


def scores_name(part: str, scorer: str) -> str:
    """The table of a scorer's scores beside the measurements of a part."""
    return part.replace("part-", f"_scores_{scorer}-", 1)


#: The scorers at work in this process, by their keys: opened once for many parts.
_OPEN: dict[str, Scorer] = {}


def open_scorer(settings: ScorerSettings, key: str) -> Scorer:
    """The scorer of a key."""
    if key not in _OPEN:
        options = settings.options()
        _OPEN[key] = kind_of(options.path)(options)
    return _OPEN[key]


def try_scorers(
    scorers: Mapping[str, ScorerSettings],
    ensembles: Mapping[str, EnsembleSettings],
    keys: Mapping[str, str],
) -> None:
    """Has each scorer score a short and a long text, and opens the ensembles.

    Raises SettingError before any document is read for what would fail at the first of them.
    """
    for settings in scorers.values():
        scorer = kind_of(settings.options().path)(settings.options())
        scorer.score(["A text.", " ".join(["word"] * (settings.tokens + 1))])
    for name, ensemble in ensembles.items():
        Ensemble(name, ensemble, keys)


class PartScores:
    """The scores of a part of documents, in the part's order; a context manager.

    `keys` are those of the scorers; `texts` is a key of the texts.
    """

    def __init__(
        self,
        folder: str,
        part: str,
        texts: str,
        scorers: Mapping[str, ScorerSettings],
        ensembles: Mapping[str, EnsembleSettings],
        keys: Mapping[str, str],
    ) -> None:
        self._folder, self._part, self._settings = folder, part, scorers
        self._keys = {name: work_key(texts, keys[name]) for name in scorers}
        self._scorer_keys = keys
        self._ensembles = [Ensemble(name, one, keys) for name, one in ensembles.items()]
        self._done: dict[str, Part] = {}
        self._stored: dict[str, dict[str, float]] = {}
        self._writers: dict[str, PartWriter] = {}
        self._stack = ExitStack()

    def __enter__(self) -> PartScores:
        for other in _OPEN.keys() - {*self._scorer_keys.values()}:
            del _OPEN[other]
        with ExitStack() as stack:
            for name, done in zip(self._settings, self.finished(), strict=True):
                table = scores_name(self._part, name)
                if done is not None:
                    self._done[name] = done
                    rows = read_table(files.join(self._folder, table))
                    columns = (rows[column].to_pylist() for column in SCORES.names)
                    self._stored[name] = dict(zip(*columns, strict=True))
                else:
                    # Not fingerprinted: the same numbers are among the measurements.
                    writer = PartWriter(
                        self._folder, table, SCORES, self._keys[name], fingerprinted=False
                    )
                    self._writers[name] = stack.enter_context(writer)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def finished(self) -> list[Part | None]:
        """Of each scorer the table that is there already."""
        return [
            finished_part(self._folder, scores_name(self._part, name), key)
            for name, key in self._keys.items()
        ]

    def score(self, pages: Sequence[str], texts: Sequence[str]) -> list[dict[str, float]]:
        """Of each text (of the page with that id) its columns: scores, ranks and buckets."""
        scores = {name: self._of_scorer(name, pages, texts) for name in self._settings}
        rows = []
        for number in range(len(pages)):
            own = {name: values[number] for name, values in scores.items()}
            rows.append(score_row(own, self._ensembles))
        return rows

    def _of_scorer(self, name: str, pages: Sequence[str], texts: Sequence[str]) -> list[float]:
        if name in self._stored:
            return [self._stored[name][page] for page in pages]
        scores = open_scorer(self._settings[name], self._scorer_keys[name]).score(texts)
        rows = zip(pages, scores, strict=True)
        self._writers[name].add({"id": page, "score": score} for page, score in rows)
        return scores

    def finish(self) -> list[Part]:
        """The reports of all tables, once the block has ended well."""
        finished = {name: writer.finish() for name, writer in self._writers.items()}
        return [(self._done | finished)[name] for name in self._settings]
