"""How a model does on pages of domains that it was not trained on, by kind of page."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.documents.training.pages import LabelledPage
from pipeline.documents.training.tokens import words

_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Score:
    """Means over pages: F1, precision and recall of words; of phrases, sums over pages."""

    source: str
    kind: str
    pages: int
    f1: float
    precision: float
    recall: float

    def render(self) -> str:
        """One line of a table."""
        name = f"{self.source} {self.kind}"
        return (
            f"{name:<34} {self.pages:>6,} pages  F1 {self.f1:.4f}  "
            f"precision {self.precision:.4f}  recall {self.recall:.4f}"
        )


def word_score(text: str, truth: str) -> tuple[float, float, float]:
    """F1, precision and recall of bags of words, WCXB's measure; two empty texts are equal."""
    have, want = Counter(words(text)), Counter(words(truth))
    if not have or not want:
        same = 1.0 if not have and not want else 0.0
        return same, same, same
    both = (have & want).total()
    precision, recall = both / have.total(), both / want.total()
    return (2 * precision * recall / (precision + recall) if both else 0.0), precision, recall


def phrase_counts(text: str, page: LabelledPage) -> tuple[int, int, int]:
    """Phrases that are right, wrong and missing, trafilatura's measure (tests/eval_common.py)."""
    plain = _SPACE.sub(" ", text).strip()
    right = sum(_SPACE.sub(" ", phrase).strip() in plain for phrase in page.wanted)
    wrong = sum(_SPACE.sub(" ", phrase).strip() in plain for phrase in page.unwanted)
    return right, wrong, len(page.wanted) - right


def scores(pages: Sequence[LabelledPage], texts: Iterable[str]) -> list[Score]:
    """A score for each set of pages and each of its kinds, in order of name."""
    by_words: defaultdict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)
    by_phrases: defaultdict[tuple[str, str], list[tuple[int, int, int]]] = defaultdict(list)
    for page, text in zip(pages, texts, strict=True):
        for kind in {page.kind, "all"}:
            if page.truth is not None:
                by_words[page.source, kind].append(word_score(text, page.truth))
            elif page.wanted:
                by_phrases[page.source, kind].append(phrase_counts(text, page))
    found = []
    for (source, kind), rows in by_words.items():
        means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
        found.append(Score(source, kind, len(rows), *means))
    for (source, kind), counts in by_phrases.items():
        right, wrong, missing = (sum(column) for column in zip(*counts, strict=True))
        found.append(
            Score(
                source, kind, len(counts),
                2 * right / max(2 * right + wrong + missing, 1),
                right / max(right + wrong, 1),
                right / max(right + missing, 1),
            )
        )  # fmt: skip
    return sorted(found, key=lambda score: (score.source, score.kind))
