"""`webtext what-if`: what other thresholds would change, from the stored measurements.

Rules become SQL over the measurement columns, for each language its own, so a million documents
are decided twice in seconds and no text is read.  Takedowns come first, duplicates last, as in a
build.  Whether pages that come in are duplicates is known only when dedup has looked at them; a
page that was removed for one that leaves comes in, and passages come back to pages that lost them
to such a page.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import pyarrow as pa

from pipeline.quality.decide import Rule, require_measured, rules_language
from pipeline.quality.settings import QualitySettings
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError
from pipeline.store.settings import override
from pipeline.store.sql import Database, marks
from pipeline.store.takedown import TakedownSettings, read_takedown
from pipeline.views.rule_sets import RuleSets

EXAMPLES = 5  # of each kind; ids are hashes, so the lowest ones are a fair sample


@dataclass(frozen=True)
class DocumentExample:
    """A document, and its value of the rule it is an example of."""

    id: str
    url: str
    value: float | None


@dataclass(frozen=True)
class Change:
    """Documents of some languages that come in or leave for one reason."""

    reason: str
    threshold: float | None
    languages: tuple[str, ...]
    documents: int
    examples: tuple[DocumentExample, ...]


@dataclass(frozen=True)
class Nearest:
    """Documents whose value is nearest a changed threshold of their languages, nearest first."""

    rule: Rule
    languages: tuple[str, ...]
    examples: tuple[DocumentExample, ...]


@dataclass(frozen=True)
class OfLanguage:
    """How many documents are in a language, and whose rules hold for them: empty for none."""

    language: str
    documents: int
    rules: str


@dataclass(frozen=True)
class WhatIf:
    """The difference that changed settings make."""

    documents: int
    languages: tuple[OfLanguage, ...]
    kept_before: int
    kept_after: int
    come_in: tuple[Change, ...]  # by the reason that kept them out
    leave: tuple[Change, ...]  # by the reason that takes them out
    nearest: tuple[Nearest, ...]
    #: Pages that get passages back which a page that leaves has kept.
    passages_back: int = 0


def changed_quality(
    corpus: Corpus, interval: str, overrides: Iterable[str]
) -> tuple[QualitySettings, QualitySettings]:
    """The settings with which the corpus was decided, and those with `quality.…` overrides."""
    decided = corpus.require("corpus", interval).settings
    if gone := sorted(decided.keys() - QualitySettings.key_types().keys()):
        raise SettingError(
            f"{corpus.root} was decided with the measure {gone[0]}, which is not installed here",
            "Install the distribution that has it, or build the stages quality and corpus again",
        )
    values = {"quality": copy.deepcopy(decided)}
    override(values, overrides)
    where = f"--set over the settings of {corpus.root}"
    unknown = sorted(values.keys() - {"quality"})
    if unknown:
        raise SettingError(f"{where}: {unknown[0]} decides nothing here", "Set quality.… only")
    return QualitySettings.checked(decided, where), QualitySettings.checked(
        values["quality"], where
    )


def what_if(
    corpus: Corpus, interval: str, current: QualitySettings, changed: QualitySettings
) -> WhatIf:
    """Decides on all documents by both settings of `[quality]`.

    Raises SettingError when `changed` measures differently: then nothing is known yet.
    """
    before, after = current, changed
    if before.measured() != after.measured():
        raise SettingError(
            "what-if compares rules over stored measurements, but the change is to what is "
            "measured: an evaluation set or a model",
            "Build with the changed setting, then compare thresholds",
        )
    database = Database()
    _name_tables(database, corpus, interval)
    columns = [row[0] for row in database.ask("DESCRIBE quality")]
    languages = _languages(database)
    now, then = (RuleSets.of(one, [x.language for x in languages]) for one in (before, after))
    require_measured([*now.all_rules(), *then.all_rules()], columns, f"Stage quality of {interval}")
    _take_down(database, "gone_before", before.takedown)
    _take_down(database, "gone_after", after.takedown)
    _decide(database, now, then)
    documents, kept_before, kept_after = _one(
        database,
        "SELECT count(*), count(*) FILTER (before = ''), count(*) FILTER (after = '') FROM decided",
    )
    come_in = _changes(database, now, "before", "after")
    leave = _changes(database, then, "after", "before")
    nearest = [_nearest(database, rule, some) for rule, some in _new_rules(now, then).items()]
    examples = _Examples(database, [*come_in, *leave, *nearest])
    return WhatIf(
        documents,
        languages,
        kept_before,
        kept_after,
        tuple(examples.given_to(one) for one in come_in),
        tuple(examples.given_to(one) for one in leave),
        tuple(examples.given_to(one) for one in nearest),
        _passages_back(database, corpus.paths("dedup", interval, "passages-")),
    )


def _passages_back(database: Database, paths: list[str]) -> int:
    if not paths:
        return 0
    (count,) = _one(
        database,
        f"SELECT count(DISTINCT p.id) FROM {database.table(paths)} p "
        "JOIN decided d ON d.id = p.id JOIN decided k ON k.id = p.kept_id "
        "WHERE d.after = '' AND k.before = '' AND k.after <> ''",
    )
    return int(count)


def _languages(database: Database) -> tuple[OfLanguage, ...]:
    rows = database.ask(
        "SELECT coalesce(language, ''), count(*) FROM verdicts GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    return tuple(OfLanguage(language, n, rules_language(language)) for language, n in rows)


def _new_rules(before: RuleSets, after: RuleSets) -> dict[Rule, tuple[str, ...]]:
    """Rules that were not there or had another threshold, with the languages of which it is so."""
    new: dict[Rule, tuple[str, ...]] = {}
    for language in after.numbers:
        for rule in after.rules(language):
            if rule not in before.rules(language):
                new[rule] = (*new.get(rule, ()), language)
    return new


def _name_tables(database: Database, corpus: Corpus, interval: str) -> None:
    for stage in ("documents", "dedup", "quality", "links"):
        rows = database.table(corpus.paths(stage, interval))
        database.ask(f"CREATE VIEW {stage} AS SELECT * FROM {rows}")
    rows = database.table(corpus.paths("quality", interval, "verdicts-"))
    database.ask(f"CREATE VIEW verdicts AS SELECT * FROM {rows}")


def _take_down(database: Database, name: str, settings: TakedownSettings) -> None:
    """A table of the ids that a takedown list takes out."""
    takedown = read_takedown(settings)
    gone = []
    if takedown:
        rows = database.batches(
            "SELECT d.id, d.url, d.canonical, list_transform(l.mentions, lambda m: m.reddit_id) "
            "FROM documents d LEFT JOIN links l USING (id)"
        )
        for batch in rows:
            gone += [
                page
                for page, url, canonical, ids in batch
                if takedown.entry_for(page, url, ids or (), canonical)
            ]
    database.add(f"{name}_ids", pa.table({"id": pa.array(gone, pa.string())}))
    database.ask(f"CREATE TABLE {name} AS SELECT id FROM {name}_ids")


def _decide(database: Database, before: RuleSets, after: RuleSets) -> None:
    """The table `decided`: id, language, and by both rules the reason, empty for what is kept."""
    before.write(database, "set_before")
    after.write(database, "set_after")
    database.ask(
        "CREATE TABLE judged AS SELECT q.id AS id, coalesce(v.language, '') AS language, "
        f"{_verdict(before, 'before')} AS before, {_verdict(after, 'after')} AS after "
        "FROM quality q JOIN verdicts v ON v.id = q.id "
        "LEFT JOIN set_before ON set_before.language = coalesce(v.language, '') "
        "LEFT JOIN set_after ON set_after.language = coalesce(v.language, '') "
        "LEFT JOIN gone_before ON gone_before.id = q.id "
        "LEFT JOIN gone_after ON gone_after.id = q.id"
    )
    # `k` is the page that a duplicate was removed for; null where another interval has it.
    database.ask(
        "CREATE TABLE decided AS SELECT j.id AS id, j.language AS language, "
        "CASE WHEN j.before = '' AND d.id IS NOT NULL THEN 'duplicate_' || d.kind "
        "ELSE j.before END AS before, "
        "CASE WHEN j.after = '' AND d.id IS NOT NULL AND coalesce(k.after, '') = '' "
        "THEN 'duplicate_' || d.kind ELSE j.after END AS after "
        "FROM judged j LEFT JOIN dedup d ON d.id = j.id LEFT JOIN judged k ON k.id = d.kept_id"
    )


def _verdict(rules: RuleSets, side: str) -> str:
    """The quality stage's verdict as an SQL expression."""
    return (
        f"CASE WHEN gone_{side}.id IS NOT NULL THEN 'takedown' "
        "WHEN starts_with(v.reason, 'lines_') THEN v.reason "
        f"ELSE {rules.first_broken(f'set_{side}.number')} END"
    )


def _changes(
    database: Database, rules: RuleSets, dropped: str, kept: str
) -> list[_WithoutExamples[Change]]:
    """What one side drops and the other keeps, most frequent first; languages with the same
    threshold together."""
    condition = f"{kept} = '' AND {dropped} <> ''"
    counts: Counter[tuple[str, float | None]] = Counter()
    languages: dict[tuple[str, float | None], tuple[str, ...]] = {}
    for reason, language, documents in database.ask(
        f"SELECT {dropped}, language, count(*) FROM decided WHERE {condition} "
        "GROUP BY 1, 2 ORDER BY 1, 2"
    ):
        key = reason, rules.threshold(reason, language)
        counts[key] += documents
        languages[key] = (*languages.get(key, ()), language)
    by_reason = {rule.reason: rule for rule in rules.all_rules()}
    changes = []
    for key, documents in counts.most_common():
        reason, threshold = key
        query = (
            f"SELECT id FROM decided WHERE {condition} AND {dropped} = ? "
            f"AND language IN ({marks(languages[key])}) ORDER BY id LIMIT {EXAMPLES}"
        )
        ids = [row[0] for row in database.ask(query, [reason, *languages[key]])]
        change = partial(Change, reason, threshold, languages[key], documents)
        changes.append(_WithoutExamples(change, ids, by_reason.get(reason)))
    return changes


def _nearest(
    database: Database, rule: Rule, languages: tuple[str, ...]
) -> _WithoutExamples[Nearest]:
    query = (
        f'SELECT q.id FROM quality q JOIN decided USING (id) WHERE q."{rule.column}" IS NOT NULL '
        f"AND language IN ({marks(languages)}) "
        f'ORDER BY abs(q."{rule.column}" - {rule.threshold!r}), q.id LIMIT {EXAMPLES}'
    )
    ids = [row[0] for row in database.ask(query, languages)]
    return _WithoutExamples(partial(Nearest, rule, languages), ids, rule)


_Part = TypeVar("_Part", Change, Nearest)


@dataclass(frozen=True)
class _WithoutExamples(Generic[_Part]):
    """What is still to be given its examples: the documents `ids`, by the values of `rule`."""

    complete: Callable[[tuple[DocumentExample, ...]], _Part]
    ids: Sequence[str]
    rule: Rule | None


class _Examples:
    """Addresses and values of all documents that are shown, looked up in one pass over each
    table: the places of ids are not known."""

    def __init__(self, database: Database, parts: Iterable[_WithoutExamples[Any]]) -> None:
        listed = list(parts)
        ids = sorted({page for part in listed for page in part.ids})
        rules = {part.rule.column: None for part in listed if part.rule}
        columns = ", ".join(["id", *(f'"{name}"' for name in rules)])
        where = f"WHERE id IN ({marks(ids)})"
        self._urls: dict[str, str] = {}
        self._values: dict[str, dict[str, Any]] = {}
        if ids:
            self._urls = dict(database.ask(f"SELECT id, url FROM documents {where}", ids))
            rows = database.dicts(f"SELECT {columns} FROM quality {where}", ids)
            self._values = {row["id"]: row for row in rows}

    def given_to(self, part: _WithoutExamples[_Part]) -> _Part:
        """A part with its examples, in the order of its ids."""
        column = part.rule.column if part.rule else ""
        return part.complete(
            tuple(
                DocumentExample(page, self._urls[page], self._values[page].get(column))
                for page in part.ids
            )
        )


def _one(database: Database, query: str) -> tuple[Any, ...]:
    (row,) = database.ask(query)
    return row
