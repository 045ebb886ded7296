"""Settings of the dedup stage."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.dedup.bands import collision_probability
from pipeline.dedup.normalise import Fold, Folds
from pipeline.dedup.passages.settings import PassageSettings
from pipeline.store.settings import Settings

Preference = Literal["karma", "longest", "shortest", "earliest", "latest"]

#: A pair at the threshold must share a band with at least this probability.
_LEAST_RECALL = 0.95


class DedupSettings(Settings):
    """The `[dedup]` section of a recipe."""

    threshold: float = Field(0.8, ge=0.5, le=1.0)
    """Jaccard similarity of word 5-grams from which on a document is a near-duplicate: the value of
    DCLM's BFF and of the de-duplication of C4 by Lee et al. (arXiv 2107.06499)."""

    bands: int = Field(20, ge=1, le=64)
    """Bands of a signature.  20 bands of 5 rows find a pair of similarity 0.8 with probability
    0.9996 (docs/dedup.md has the table)."""

    rows: int = Field(5, ge=1, le=16)
    """Hashes of a band."""

    fold: tuple[Fold, ...] = ("case", "accents", "punctuation")
    """What makes no difference between near-duplicates: `case`, `accents`, `punctuation`, `digits`.
    Exact copies differ in white space alone.  docs/dedup.md has what each finds and costs."""

    keep: tuple[Preference, ...] = ("karma", "longest", "earliest")
    """What decides which of two duplicates is kept, after the earlier interval and before the id:
    greatest karma, longest or shortest text, earliest or latest date."""

    verify: Literal["text", "signature"] = "text"
    """`text`: by the shingle sets of both texts.  `signature`: by the estimate alone, without
    reading text again; its standard error at the threshold is 0.04 with 100 hashes."""

    leaders: int = Field(16, ge=1, le=1024)
    """Documents of a bucket with which each other one is compared (pipeline/dedup/bands.py)."""

    against: tuple[str, ...] = ()
    """What is removed here as if an earlier interval had kept it: roots of other corpora
    (deduplicated with the same bands and rows), and evaluation sets as files of texts (.txt, .tsv,
    .json, .jsonl, .ndjson, packed or not; pipeline/dedup/evaluation.py)."""

    large_cluster: int = Field(10_000, ge=1)
    """A kept document that more than this many are removed for is listed in `_clusters-…`."""

    on_large_cluster: Literal["report", "stop"] = "report"
    """`report`: list large clusters, say so, and go on; `stop`: fail before anything is decided."""

    passages: PassageSettings = PassageSettings()
    """Passages that a page shares with others, though it is no duplicate of any."""

    volatile: ClassVar[frozenset[str]] = frozenset({"on_large_cluster"})

    def unused(self) -> frozenset[str]:
        """Where no passages are looked for, nothing of how is asked."""
        return frozenset() if self.passages.enabled else frozenset({"passages"})

    @field_validator("keep")
    @classmethod
    def _each_once(cls, keep: tuple[Preference, ...]) -> tuple[Preference, ...]:
        if len(set(keep)) < len(keep):
            raise ValueError("names one preference twice")
        return keep

    @field_validator("fold")
    @classmethod
    def _in_order(cls, fold: tuple[Fold, ...]) -> tuple[Fold, ...]:
        return tuple(sorted(set(fold)))

    @model_validator(mode="after")
    def _finds_what_it_promises(self) -> Self:
        recall = collision_probability(self.threshold, self.bands, self.rows)
        if recall < _LEAST_RECALL:
            raise ValueError(
                f"{self.bands} bands of {self.rows} rows find only {recall:.0%} of the pairs at "
                f"the threshold {self.threshold}: take more bands or fewer rows"
            )
        return self

    @property
    def hashes(self) -> int:
        """Hashes of a signature."""
        return self.bands * self.rows

    @property
    def folds(self) -> Folds:
        """What `normalised` is asked to fold."""
        return frozenset(self.fold)
