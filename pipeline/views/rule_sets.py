"""The rules of a recipe for each language of a corpus, and as SQL over its measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline.quality.decide import Rule, rules_of
from pipeline.quality.settings import QualitySettings
from pipeline.store.sql import Database


@dataclass(frozen=True)
class RuleSets:
    """The rules by language: languages with equal rules share the number of one set."""

    sets: tuple[tuple[Rule, ...], ...]
    numbers: dict[str, int]

    @classmethod
    def of(cls, settings: QualitySettings, languages: Sequence[str]) -> RuleSets:
        """Those of a recipe for documents of the languages."""
        rules = {language: tuple(rules_of(settings, language)) for language in languages}
        sets = list(dict.fromkeys(rules.values()))
        return cls(tuple(sets), {language: sets.index(rules[language]) for language in languages})

    def rules(self, language: str) -> tuple[Rule, ...]:
        """The rules for documents of a language."""
        return self.sets[self.numbers[language]]

    def all_rules(self) -> list[Rule]:
        """Those of all languages, each once."""
        return list(dict.fromkeys(rule for rules in self.sets for rule in rules))

    def threshold(self, reason: str, language: str) -> float | None:
        """The threshold of a rule for documents of a language; None for what is no rule."""
        found = (rule.threshold for rule in self.rules(language) if rule.reason == reason)
        return next(found, None)

    def write(self, database: Database, name: str) -> None:
        """The table `name`: language and number of its set."""
        columns = {"language": list(self.numbers), "number": list(self.numbers.values())}
        database.add(name, pa.table(columns))

    def first_broken(self, number: str) -> str:
        """The reason of the first rule that a row of `q` breaks, empty for none, as an SQL
        expression; `number` is that of the set.  A null value breaks no rule."""
        sets = (f"WHEN {i} THEN {_first_broken(rules)}" for i, rules in enumerate(self.sets))
        return f"CASE {number} {' '.join(sets)} ELSE '' END" if self.sets else "''"


def _first_broken(rules: Sequence[Rule]) -> str:
    cases = [
        f'WHEN q."{rule.column}" {"<" if rule.is_minimum else ">"} {rule.threshold!r} '
        f"THEN '{rule.reason}'"
        for rule in rules
    ]
    return f"CASE {' '.join(cases)} ELSE '' END" if cases else "''"
