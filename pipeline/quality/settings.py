"""Settings of the quality and corpus stages: thresholds of the rules, in the order of the rules.

Measuring depends on none of them: a changed threshold changes decisions only.
A rule is switched off by setting its threshold to `false`.
"""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from pipeline.settings import Settings

#: A threshold, or false for a rule that is off.
Limit = float | bool


class Limits(Settings):
    """A family of rules: one threshold a setting."""

    @model_validator(mode="after")
    def _thresholds(self) -> Self:
        for name in type(self).model_fields:
            if getattr(self, name) is True:
                raise ValueError(f"{name} = true is no threshold; give a number, or false")
        return self


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


class QualitySettings(Settings):
    """The `[quality]` section of a recipe."""

    gopher: GopherSettings = GopherSettings()
    repetition: RepetitionSettings = RepetitionSettings()
    c4: C4Settings = C4Settings()


class MeasureSettings(Settings):
    """What decides the measurements: nothing that a recipe can set."""
