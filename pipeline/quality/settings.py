"""Settings of the quality and corpus stages: thresholds of the rules, in the order of the rules.

A rule is a setting `min_NAME` or `max_NAME` of section FAMILY: it bounds the column
`FAMILY_NAME`, and its name in decisions is `FAMILY_min_NAME`.  `false` switches it off.
Thresholds change decisions only; what is measured depends on nothing but the evaluation
sets and models named here (`MeasureSettings`).
"""

from __future__ import annotations

import difflib
from typing import Literal, Self, TypeVar

from pydantic import Field, model_validator

from pipeline.store.settings import Settings
from pipeline.store.takedown import TakedownSettings

#: A threshold, or false for a rule that is off.
Limit = float | bool


class Limits(Settings):
    """A family of rules: one threshold a setting."""

    @classmethod
    def limits(cls) -> list[str]:
        """The names of the settings that are thresholds."""
        return [name for name in cls.model_fields if name.startswith(("min_", "max_"))]

    @model_validator(mode="after")
    def _thresholds(self) -> Self:
        for name in self.limits():
            if getattr(self, name) is True:
                raise ValueError(f"{name} = true is no threshold; give a number, or false")
        return self


L = TypeVar("L", bound=Limits)


def _needs_model(limits: L, model: str | None) -> L:
    on = [name for name in limits.limits() if getattr(limits, name) is not False]
    if on and model is None:
        raise ValueError(f"{on[0]} needs a model: set `model` to the file that training wrote")
    return limits


class GopherSettings(Limits):
    """Quality rules of MassiveText (Rae et al. 2021, arXiv 2112.11446, section A.1.1)."""

    min_words: Limit = 50
    max_words: Limit = 100_000
    min_mean_word_length: Limit = 3
    max_mean_word_length: Limit = 10
    max_hashes_per_word: Limit = 0.1
    max_ellipses_per_word: Limit = 0.1
    max_bullet_lines: Limit = 0.9
    max_ellipsis_lines: Limit = 0.3
    min_alphabetic_words: Limit = 0.8
    min_stop_words: Limit = 2


class RepetitionSettings(Limits):
    """Repetition rules of MassiveText (same source, table A1)."""

    max_duplicate_lines: Limit = 0.30
    max_duplicate_paragraphs: Limit = 0.30
    max_duplicate_line_chars: Limit = 0.20
    max_duplicate_paragraph_chars: Limit = 0.20
    max_top_2_gram: Limit = 0.20
    max_top_3_gram: Limit = 0.18
    max_top_4_gram: Limit = 0.16
    max_duplicate_5_gram: Limit = 0.15
    max_duplicate_6_gram: Limit = 0.14
    max_duplicate_7_gram: Limit = 0.13
    max_duplicate_8_gram: Limit = 0.12
    max_duplicate_9_gram: Limit = 0.11
    max_duplicate_10_gram: Limit = 0.10


class C4Settings(Limits):
    """Document rules of C4 (Raffel et al. 2020, section 2.2); numbers of sentences differ.

    The paper asks for 5 sentences in lines of 3 words, the released code
    (tensorflow/datasets `c4_utils.py`) for 3 sentences in lines of 5 words.
    """

    max_lorem_ipsum: Limit = 0
    max_curly_brackets: Limit = False
    """C4's 0 drops every page that shows code; WebText kept such pages, so it is off."""
    min_paper_sentences: Limit = False
    min_tfds_sentences: Limit = 3
    max_longest_word: Limit = 1_000
    """Characters, as in the released code; there it drops the line, here the document."""
    max_javascript_lines: Limit = False
    """Lines; C4 removes such lines and keeps the page, so it is off."""
    max_policy_lines: Limit = False
    """As above."""


class FineWebSettings(Limits):
    """FineWeb's rules (Penedo et al. 2024, arXiv 2406.17557, section 3.6), off by default.

    They were chosen on Common Crawl; pages of documentation break them for their lists
    and code.  FineWeb's own values: 0.12, 0.67, 0.01, 0.3.
    """

    min_terminal_lines: Limit = False
    max_short_lines: Limit = False
    max_duplicate_line_chars: Limit = False
    max_lines_per_word: Limit = False


class DclmSettings(Limits):
    """DCLM's line rules (Li et al. 2024, arXiv 2406.11794); its `max_removed_words` is 0.05.

    Off by default: a heading or list item of one word counts, so documentation breaks it.
    """

    max_uppercase_lines: Limit = False
    max_numeric_lines: Limit = False
    max_counter_lines: Limit = False
    max_one_word_lines: Limit = False
    max_interface_lines: Limit = False
    max_removed_words: Limit = False


class SymbolsSettings(Limits):
    """Shares of characters; NeMo Curator's values are 0.25, 0.15, 0.2 and 0.1.

    Off by default but for addresses: code and tables break the others.
    """

    max_non_alphanumeric: Limit = False
    max_digits: Limit = False
    max_addresses: Limit = 0.2
    max_brackets: Limit = False


class LexiconSettings(Limits):
    """Share of adult or abusive words; the values are this project's, chosen to spare prose."""

    max_adult_words: Limit = 0.02
    max_adult_different: Limit = False
    max_toxic_words: Limit = 0.02
    max_toxic_different: Limit = False


class PerplexitySettings(Limits):
    """Perplexity a token under an n-gram model that `train_perplexity` made."""

    model: str | None = None
    min_perplexity: Limit = False
    max_perplexity: Limit = False

    @model_validator(mode="after")
    def _has_model(self) -> Self:
        return _needs_model(self, self.model)


class ClassifierSettings(Limits):
    """GPT-3's classifier (Brown et al. 2020, appendix A), by a model that training made."""

    model: str | None = None
    min_score: Limit = False
    min_pareto: Limit = False
    """0 is GPT-3's rule: kept where pareto(9) > 1 - score."""

    @model_validator(mode="after")
    def _has_model(self) -> Self:
        return _needs_model(self, self.model)


class EvaluationSet(Settings):
    """A file with the texts of an evaluation set."""

    name: str
    path: str
    fields: tuple[str, ...] = ()
    """Names in JSON lines, numbers of columns (from 0) in .tsv; all when none is given."""


class ContaminationSettings(Limits):
    """Decontamination against evaluation sets given as files."""

    sets: tuple[EvaluationSet, ...] = ()
    size: int = Field(13, ge=2, le=64)
    """Tokens of an n-gram: 13, as GPT-3 (Brown et al. 2020, appendix C)."""
    max_ngrams: Limit = 0


class PiiSettings(Limits):
    """Personal data: replaced by a mark (`<email>`), or the document dropped by a threshold.

    FineWeb replaces e-mail and public IP addresses; keys are replaced here as well.
    """

    replace: tuple[Literal["emails", "public_ips", "phones", "cards", "secrets"], ...] = (
        "emails",
        "public_ips",
        "cards",
        "secrets",
    )
    max_emails: Limit = False
    max_public_ips: Limit = False
    max_phones: Limit = False
    max_cards: Limit = False
    max_secrets: Limit = False


class RulesSettings(Settings):
    """The order of the rules: the first that a document breaks is the reason it is dropped."""

    order: tuple[str, ...] = ()
    """Families or single rules (`gopher_min_words`) that come first; then all others."""


class MeasureSettings(Settings):
    """What decides the measurements: evaluation sets and models; no threshold."""

    sets: tuple[EvaluationSet, ...] = ()
    size: int = 13
    perplexity_model: str | None = None
    classifier_model: str | None = None


class QualitySettings(Settings):
    """The `[quality]` section of a recipe."""

    rules: RulesSettings = RulesSettings()
    gopher: GopherSettings = GopherSettings()
    repetition: RepetitionSettings = RepetitionSettings()
    c4: C4Settings = C4Settings()
    fineweb: FineWebSettings = FineWebSettings()
    dclm: DclmSettings = DclmSettings()
    symbols: SymbolsSettings = SymbolsSettings()
    lexicon: LexiconSettings = LexiconSettings()
    perplexity: PerplexitySettings = PerplexitySettings()
    classifier: ClassifierSettings = ClassifierSettings()
    contamination: ContaminationSettings = ContaminationSettings()
    pii: PiiSettings = PiiSettings()
    takedown: TakedownSettings = TakedownSettings()

    def families(self) -> dict[str, Limits]:
        """The sections that hold rules, by name, in their default order."""
        sections = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in sections.items() if isinstance(value, Limits)}

    def measured(self) -> MeasureSettings:
        """The part that decides what is measured."""
        return MeasureSettings(
            sets=self.contamination.sets,
            size=self.contamination.size,
            perplexity_model=self.perplexity.model,
            classifier_model=self.classifier.model,
        )

    @model_validator(mode="after")
    def _known_rules(self) -> Self:
        names = set(self.families())
        names |= {
            f"{f}_{rule}" for f, limits in self.families().items() for rule in limits.limits()
        }
        for name in self.rules.order:
            if name not in names:
                close = difflib.get_close_matches(name, sorted(names), n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                raise ValueError(f"rules.order names no rule {name!r}{hint}")
        return self
