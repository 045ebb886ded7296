"""Each rule on its boundary, by text: what measures the threshold stays, the next step goes."""

from __future__ import annotations

import pytest

from pipeline.quality.decide import Rule, rules_of
from pipeline.quality.measure_document import measure_text
from pipeline.quality.pii import MARKS
from pipeline.quality.settings import QualitySettings

#: Rules that are off by default, at the values of their sources.
OFF_BY_DEFAULT = {
    "c4": {
        "max_curly_brackets": 0,
        "min_paper_sentences": 5,
        "max_javascript_lines": 0,
        "max_policy_lines": 0,
    },
    "fineweb": {
        "min_terminal_lines": 0.12,
        "max_short_lines": 0.67,
        "max_duplicate_line_chars": 0.01,
        "max_lines_per_word": 0.3,
    },
    "dclm": {
        "max_uppercase_lines": 0.2,
        "max_numeric_lines": 0.2,
        "max_counter_lines": 0.2,
        "max_one_word_lines": 0.2,
        "max_interface_lines": 0.2,
        "max_removed_words": 0.05,
    },
    "symbols": {"max_non_alphanumeric": 0.25, "max_digits": 0.15, "max_brackets": 0.1},
    "lexicon": {"max_adult_different": 1, "max_toxic_different": 1},
    "pii": {f"max_{kind}": 0 for kind in MARKS},
}
RULES = {
    rule.reason: rule for rule in rules_of(QualitySettings.model_validate(OFF_BY_DEFAULT), "en")
}
#: Measured with an evaluation set: test_measures.py has its table.
ELSEWHERE = {"contamination_max_ngrams"}


def words(count: int, length: int = 4) -> str:
    """Words of one length, the first 11,000 of them different."""
    return " ".join(chr(0xAC00 + i % 11_000) + "a" * (length - 1) for i in range(count))


def lines(*kinds: tuple[str, int], between: str = "\n") -> str:
    """Different lines of each kind: `*` in it stands for its number."""
    return between.join(
        kind.replace("*", chr(97 + i)) for kind, count in kinds for i in range(count)
    )


def with_repeated(size: int, chars: int, times: int, total: int) -> str:
    """A text of `total` characters in which `times` n-grams of `chars` characters are the same."""
    gram = [chr(98 + i) * (chars // size + (i < chars % size)) for i in range(size)]
    filler = words(total - times * chars, 1).split()
    pieces = [word for i in range(times) for word in (filler[i], *gram)]
    return " ".join(pieces + filler[times:])


BOUNDARIES = {
    "gopher_min_words": (words(50), words(49)),
    "gopher_max_words": (words(100_000), words(100_001)),
    "gopher_min_mean_word_length": (words(9, 3), words(9, 3) + " ab"),
    "gopher_max_mean_word_length": (words(9, 10), words(9, 10) + " abcdefghijk"),
    "gopher_max_hashes_per_word": (words(10) + " #", words(10) + " ##"),
    "gopher_max_ellipses_per_word": (words(10) + "...", words(9) + "..."),
    "gopher_max_bullet_lines": (lines(("- a *", 9), ("a *", 1)), lines(("- a *", 10))),
    "gopher_max_ellipsis_lines": (
        lines(("a *…", 3), ("b *", 7)),
        lines(("a *...", 4), ("b *", 6)),
    ),
    "gopher_min_alphabetic_words": ("a b c d e f g h 1 2", "a b c d e f g 1 2 3"),
    "gopher_min_stop_words": ("the be", "the the"),
    "repetition_max_duplicate_lines": (
        lines(("b *", 7), ("b a", 3)),
        lines(("b *", 6), ("b a", 4)),
    ),
    "repetition_max_duplicate_paragraphs": (
        lines(("b *", 7), ("b a", 3), between="\n\n"),
        lines(("b *", 6), ("b a", 4), between="\n\n"),
    ),
    "repetition_max_duplicate_line_chars": (
        lines(("b *", 8), ("b a", 2)),
        lines(("b *", 7), ("b a", 3)),
    ),
    "repetition_max_duplicate_paragraph_chars": (
        lines(("b *", 8), ("b a", 2), between="\n\n"),
        lines(("b *", 7), ("b a", 3), between="\n\n"),
    ),
    "repetition_max_top_2_gram": (with_repeated(2, 10, 2, 100), with_repeated(2, 10, 2, 99)),
    "repetition_max_top_3_gram": (with_repeated(3, 9, 2, 100), with_repeated(3, 9, 2, 99)),
    "repetition_max_top_4_gram": (with_repeated(4, 8, 2, 100), with_repeated(4, 8, 2, 99)),
    **{
        f"repetition_max_duplicate_{size}_gram": (
            with_repeated(size, 20 - size, 2, 100),
            with_repeated(size, 20 - size, 2, 99),
        )
        for size in range(5, 11)
    },
    "c4_max_lorem_ipsum": ("lorem, ipsum", "Lorem ipsum"),
    "c4_max_curly_brackets": ("( )", "{ }"),
    "c4_min_paper_sentences": (lines(("So is *.", 5)), lines(("So is *.", 4), ("Is *.", 1))),
    "c4_min_tfds_sentences": (
        lines(("So it is with *.", 3)),
        lines(("So it is with *.", 2), ("So is it *.", 1)),
    ),
    "c4_max_longest_word": ("a" * 1000, "a" * 1001),
    "c4_max_javascript_lines": ("java script", "JavaScript"),
    "c4_max_policy_lines": ("terms of the use", "Terms of use"),
    "fineweb_min_terminal_lines": (
        lines(("A *.", 3), ("b *", 22)),
        lines(("A *.", 2), ("b *", 23)),
    ),
    "fineweb_max_short_lines": (
        "\n".join([words(67, 1).replace(" ", "\n"), *["a" * 31] * 33]),
        "\n".join([words(68, 1).replace(" ", "\n"), *["a" * 31] * 32]),
    ),
    "fineweb_max_duplicate_line_chars": (
        "\n".join(["a", "a", "b" * 98]),
        "\n".join(["a", "a", "b" * 97]),
    ),
    "fineweb_max_lines_per_word": ("a b c\nd e f\ng h i\nj", "a b c\nd e f\ng h\ni"),
    "dclm_max_uppercase_lines": (lines(("ABC *", 1), ("b *", 4)), lines(("ABC *", 1), ("b *", 3))),
    "dclm_max_numeric_lines": (lines(("12", 1), ("b *", 4)), lines(("12", 1), ("b *", 3))),
    "dclm_max_counter_lines": (
        lines(("3 likes", 1), ("b *", 4)),
        lines(("3 likes", 1), ("b *", 3)),
    ),
    "dclm_max_one_word_lines": (lines(("a", 1), ("b *", 4)), lines(("a", 1), ("b *", 3))),
    "dclm_max_interface_lines": (
        lines(("Read more...", 1), ("b *", 4)),
        lines(("Read more...", 1), ("b *", 3)),
    ),
    "dclm_max_removed_words": ("Home\n" + words(19), "Home\n" + words(18)),
    "symbols_max_non_alphanumeric": ("--aaaaaa", "--aaaaa"),
    "symbols_max_digits": ("123" + "a" * 17, "123" + "a" * 16),
    "symbols_max_addresses": ("http://a.b " + "c" * 40, "http://a.b " + "c" * 39),
    "symbols_max_brackets": ("[" + "a" * 9, "[" + "a" * 8),
    "lexicon_max_adult_words": (words(49) + " porn", words(48) + " porn"),
    "lexicon_max_adult_different": ("porn porn", "porn xxx"),
    "lexicon_max_toxic_words": (words(49) + " fuck", words(48) + " fuck"),
    "lexicon_max_toxic_different": ("fuck fuck", "fuck scumbag"),
    "pii_max_emails": ("a at b.org", "a@b.org"),
    "pii_max_public_ips": ("39.39.39.39", "40.39.39.39"),
    "pii_max_phones": ("+44 20 794", "+44 20 7946 0958"),
    "pii_max_accounts": ("DE89 3704 0044 0532 0130 01", "DE89 3704 0044 0532 0130 00"),
    "pii_max_social_security": ("666-45-6789", "536-45-6789"),
    "pii_max_cards": ("4111 1111 1111 1112", "4111 1111 1111 1111"),
    "pii_max_secrets": ("AKIAIOSFODNN7EXAMPL", "AKIAIOSFODNN7EXAMPLE"),
}


def test_no_rule_is_left_out() -> None:
    assert set(BOUNDARIES) | ELSEWHERE == set(RULES)
    every = QualitySettings().families().items()
    limits = {f"{family}_{name}" for family, rules in every for name in rules.limits()}
    assert limits - set(RULES) == {
        "perplexity_min_perplexity",
        "perplexity_max_perplexity",
        "classifier_min_score",
        "classifier_min_pareto",
    }


@pytest.mark.parametrize("reason", BOUNDARIES)
def test_a_text_at_the_threshold_stays_and_the_next_goes(reason: str) -> None:
    rule: Rule = RULES[reason]
    at, beyond = (measure_text(text)[rule.column] for text in BOUNDARIES[reason])
    assert at == rule.threshold and not rule.broken_by(at)
    assert rule.broken_by(beyond)
