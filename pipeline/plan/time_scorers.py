"""What the scorers of a recipe take: each is timed here, on texts as long as the documents.

A fastText model and a transformer differ a thousandfold, and so do processors; so no table has it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from pipeline.quality.scorers.settings import ScorerSettings
from pipeline.store.errors import SettingError
from pipeline.store.scorer import kind_of

#: Seconds for which a scorer is timed, after a first batch that is not; texts at once, at most.
_ENOUGH, _TEXTS = 1.0, 16
_SENTENCE = (
    "The river begins in the hills north of town {}, where rain gathers in {} shallow pools. "
)


def time_scorers(
    scorers: Mapping[str, ScorerSettings], text_bytes: float
) -> tuple[dict[str, float], list[str]]:
    """Processor seconds a document of each scorer, and notes on those that cannot be tried here."""
    seconds: dict[str, float] = {}
    notes: list[str] = []
    for name, settings in scorers.items():
        try:
            seconds[name] = _seconds(settings, text_bytes)
            notes.append(f"scorer {name}: {seconds[name]:.2g} CPU seconds a document, timed here")
        except SettingError as error:
            notes.append(f"{error.what}: what scorer {name} takes is not counted")
    return seconds, notes


def _seconds(settings: ScorerSettings, text_bytes: float) -> float:
    options = settings.options()
    scorer = kind_of(options.path)(options)
    texts = [_text(number, text_bytes) for number in range(min(options.batch, _TEXTS))]
    scorer.score(texts)
    scored, started = 0, time.process_time()
    while (passed := time.process_time() - started) < _ENOUGH:
        scorer.score(texts)
        scored += len(texts)
    return passed / scored


def _text(number: int, size: float) -> str:
    """Made-up English of so many characters, with a number of its own in each sentence."""
    first = number * 1_000_000
    count = int(size / len(_SENTENCE)) + 1
    whole = "".join(_SENTENCE.format(first + i, i) for i in range(count))
    return whole[: max(1, int(size))]
