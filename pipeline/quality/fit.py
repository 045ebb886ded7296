"""Whether the rules of a recipe fit the languages of its documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.quality.decide import rules_language
from pipeline.quality.measure import MEASURES, Limit, column_of
from pipeline.quality.published import ENGLISH, PUBLISHED
from pipeline.quality.settings import QualitySettings
from pipeline.store.errors import SettingError
from pipeline.store.unspaced import HAN_KANA_WORD, SOUTH_EAST_WORD

#: Characters of the longest word of languages without spaces.
_LONGEST = dict.fromkeys(("ja", "yue", "zh"), HAN_KANA_WORD) | dict.fromkeys(
    ("km", "lo", "my", "th"), SOUTH_EAST_WORD
)


def check_fit(settings: QualitySettings, languages: Sequence[str]) -> None:
    """Raises SettingError for rules that cannot hold for the languages that a recipe names.

    Where it names none, all are kept, and which rules each document was judged by is noted.
    """
    for name, limit in _limits(settings):
        if limit == PUBLISHED:
            _check_published(name, settings, languages)
        elif limit is not False:
            _check_english(name, limit, languages)
            _check_length(name, limit, languages)


def _check_published(name: str, settings: QualitySettings, languages: Sequence[str]) -> None:
    unknown = [language for language in languages if not rules_language(language)]
    if unknown and not settings.rules.any_language:
        raise SettingError(
            f"documents.languages: {name} and other rules need values for the language, and none "
            f"are published for {unknown[0]!r}",
            "Correct the code, or set quality.rules.any_language = true to leave such rules out",
        )


def _check_english(name: str, limit: Limit, languages: Sequence[str]) -> None:
    """Rules that look for English words may stand at their defaults, and are left out then."""
    _, family, rule = name.split(".")
    is_english = column_of(family, rule) in MEASURES.get(family).english
    is_default = limit == MEASURES.get(family).settings.model_fields[rule].default
    if is_english and not is_default and languages and ENGLISH not in languages:
        raise SettingError(
            f"{name} = {limit} looks for English words, and documents.languages has no {ENGLISH!r}",
            "Take it out of the recipe, or set it to false",
        )


def _check_length(name: str, limit: Limit, languages: Sequence[str]) -> None:
    longest = min((_LONGEST[one] for one in languages if one in _LONGEST), default=None)
    if name == "quality.gopher.min_mean_word_length" and longest and float(limit) > longest:
        raise SettingError(
            f"{name} = {limit}: of documents.languages, those without spaces are counted in words "
            f"of at most {longest} characters, so none of their texts would be kept",
            f'Set it to "{PUBLISHED}"',
        )


def _limits(settings: QualitySettings) -> Iterator[tuple[str, Limit]]:
    for family, limits in settings.measures().items():
        for name in limits.limits():
            yield f"quality.{family}.{name}", getattr(limits, name)
