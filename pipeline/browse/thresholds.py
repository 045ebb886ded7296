"""Thresholds to try: each limit of the rules with the spread of what it bounds, and what-if."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multidict import MultiMapping

from pipeline.browse.catalogue import Catalogue
from pipeline.browse.conditions import quoted
from pipeline.browse.site import BrowsedCorpus, NotThereError, View
from pipeline.quality.measure import column_of
from pipeline.quality.published import PUBLISHED
from pipeline.quality.settings import QualitySettings
from pipeline.store.errors import SettingError
from pipeline.views.what_if import WhatIf, changed_quality, what_if

_PREFIX = "quality."
_SAMPLE = 50_000  # documents that ranges are taken from, chosen by hash
#: Quantiles that a slider runs through, so that each of its parts moves as many documents.
_QUANTILES = tuple(i / 40 for i in range(41))


@dataclass(frozen=True)
class Slider:
    """A limit that can be moved."""

    key: str  # quality.gopher.min_words
    name: str  # min_words
    is_minimum: bool
    value: float | None  # None while it is off, or each language has its own
    by_language: bool
    #: Values along the slider, ascending: quantiles of what is bounded, and the limit itself.
    marks: tuple[float, ...]


def thresholds(site: BrowsedCorpus, query: MultiMapping[str], name: str) -> View:
    """All limits as sliders, and what the given ones would change."""
    interval = _interval(site, query)
    current, _ = changed_quality(site.corpus, interval, [])
    families = _families(site.catalogue, current)
    return View(
        "thresholds.html",
        {
            "title": "Thresholds",
            "interval": interval,
            "intervals": site.corpus.intervals("corpus"),
            "families": families,
            "given": {key: value for key, value in query.items() if key.startswith(_PREFIX)},
            **_difference(site, query, interval),
        },
    )


def difference(site: BrowsedCorpus, query: MultiMapping[str], name: str) -> View:
    """What the given limits would change, without the page around it."""
    interval = _interval(site, query)
    return View("difference.html", _difference(site, query, interval))


def _interval(site: BrowsedCorpus, query: MultiMapping[str]) -> str:
    """The interval that is asked for, else the last one.  Raises NotThereError for another."""
    last = site.corpus.last_interval("corpus")
    given = query.get("interval") or last
    intervals = site.corpus.intervals("corpus")
    if given not in intervals:
        raise NotThereError(f"No corpus of {given} is built", f"There is: {', '.join(intervals)}")
    return given


def _difference(site: BrowsedCorpus, query: MultiMapping[str], interval: str) -> dict[str, Any]:
    current, _ = changed_quality(site.corpus, interval, [])
    overrides = _overrides(query, _values(current))
    result: WhatIf | None = None
    if overrides:
        result = what_if(site.corpus, interval, *changed_quality(site.corpus, interval, overrides))
    return {"overrides": overrides, "change": result, "interval": interval}


def _values(settings: QualitySettings) -> dict[str, Any]:
    """The limits of all families by key, as they are set."""
    return {
        _key(family, name): getattr(limits, name)
        for family, limits in settings.families().items()
        for name in limits.limits()
    }


def _overrides(query: MultiMapping[str], values: Mapping[str, Any]) -> list[str]:
    """What differs from the settings, as `--set` takes it; an empty field turns a limit off.

    Raises SettingError for what is no limit or no number.
    """
    overrides = []
    for key, given in query.items():
        if not key.startswith(_PREFIX):
            continue
        if key not in values:
            raise SettingError(f"{key} is no limit here", "Choose one that the page shows")
        value = values[key]
        if not given.strip():
            if value is not False and value != PUBLISHED:
                overrides.append(f"{key}=false")
            continue
        try:
            number = float(given)
        except ValueError:
            raise SettingError(f"{key} = {given!r}", "Give a number, or nothing for off") from None
        if value is False or value == PUBLISHED or number != float(value):
            overrides.append(f"{key}={number:.12g}")
    return overrides


def _families(
    catalogue: Catalogue, settings: QualitySettings
) -> list[tuple[str, bool, list[Slider]]]:
    """(family, whether one of its limits is set, its sliders)."""
    columns = {
        (family, name): column_of(family, name)
        for family, limits in settings.families().items()
        for name in limits.limits()
    }
    measured = [one for one in dict.fromkeys(columns.values()) if one in catalogue.measurements]
    ranges = _quantiles(catalogue, measured)
    families = []
    for family, limits in settings.families().items():
        sliders = [
            _slider(family, name, getattr(limits, name), ranges[columns[family, name]])
            for name in limits.limits()
            if columns[family, name] in ranges
        ]
        if sliders:
            is_set = any(one.value is not None or one.by_language for one in sliders)
            families.append((family, is_set, sliders))
    return families


def _slider(family: str, name: str, limit: Any, quantiles: Sequence[float]) -> Slider:
    by_language = limit == PUBLISHED
    value = None if by_language or limit is False else float(limit)
    marks = sorted({*quantiles, *([] if value is None else [value])})
    is_minimum = name.startswith("min_")
    return Slider(_key(family, name), name, is_minimum, value, by_language, tuple(marks))


def _key(family: str, name: str) -> str:
    """A limit as `--set` names it; scorers and ensembles have sections of their own."""
    for group in ("scorers", "ensembles"):
        if family.startswith(f"{group}_"):
            return f"{_PREFIX}{group}.{family.removeprefix(group + '_')}.{name}"
    return f"{_PREFIX}{family}.{name}"


def _quantiles(catalogue: Catalogue, columns: Iterable[str]) -> dict[str, list[float]]:
    """The quantiles of each column that has a value."""
    named = list(columns)
    if not named:
        return {}
    shares = ", ".join(str(share) for share in _QUANTILES)
    parts = ", ".join(f"quantile_disc({quoted(name)}::DOUBLE, [{shares}])" for name in named)
    rows = catalogue.ask(f"SELECT {parts} FROM one_quality WHERE id < ?", [_sample_end(catalogue)])
    values = zip(named, rows[0].values(), strict=True)
    return {name: found for name, found in values if found and found[0] is not None}


def _sample_end(catalogue: Catalogue) -> str:
    """Ids below this are a uniform sample of about fifty thousand documents."""
    documents = catalogue.ask("SELECT count(words) AS n FROM pages")[0]["n"]
    if documents <= _SAMPLE:
        return "g"  # behind all hexadecimal digits
    return f"{int(_SAMPLE / documents * 16**8):08x}"
