"""Every measure as a table, every rule on its boundary, and properties that must hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quality_corpus import PROSE, prose

from pipeline.quality import pii
from pipeline.quality.classifier import pareto
from pipeline.quality.contamination import build_index
from pipeline.quality.decide import first_failure, rules_of
from pipeline.quality.measure_document import DocumentMeasurer, measure_text, measurement_schema
from pipeline.quality.settings import QualitySettings
from pipeline.quality.words import take_apart
from pipeline.store.takedown import parse_takedown

RULES = rules_of(QualitySettings(), "en")
MEASURER = DocumentMeasurer(QualitySettings().measured())
WORDS = " ".join(f"w{i}" for i in range(20))


@pytest.mark.parametrize(
    ("text", "column", "value"),
    [
        ("one two three", "gopher_words", 3),
        ("one & two", "gopher_words", 2),
        ("ab abcd", "gopher_mean_word_length", 3),
        ("# one two ##", "gopher_hashes_per_word", 1.5),
        ("one... two…", "gopher_ellipses_per_word", 1),
        ("- a\n• b\nc\nd", "gopher_bullet_lines", 0.5),
        ("a...\nb…\nc\nd", "gopher_ellipsis_lines", 0.5),
        ("a 1 2 b", "gopher_alphabetic_words", 0.5),
        ("The the of THE", "gopher_stop_words", 2),
        ("a\nb\na\n\n\n\na", "repetition_duplicate_lines", 0.5),
        ("a\n\nb\n\n\n\nc", "repetition_duplicate_lines", 0),
        ("a {\n}\nb {\n}\nc {\n}\n+--+\n+--+", "repetition_duplicate_lines", 0),
        ("a | b | c | d | e | f", "repetition_top_2_gram", 0),
        ("aa\n\nb\n\naa\n\nc", "repetition_duplicate_paragraphs", 0.25),
        ("aa\n\nbb\n\naa\n\ncc", "repetition_duplicate_paragraph_chars", 0.25),
        ("one two three four five six seven", "repetition_top_3_gram", 0),
        ("a b x a b y", "repetition_top_2_gram", 4 / 6),
        ("ab c d e f a bc d e f", "repetition_duplicate_5_gram", 0),
        ("a b c d e a b c d e", "repetition_duplicate_5_gram", 0.5),
        ("Lorem ipsum dolor. lorem ipsum", "c4_lorem_ipsum", 2),
        ("{ { }", "c4_curly_brackets", 2),
        ("Turn Javascript on.\nYes.", "c4_javascript_lines", 1),
        ("Our Privacy Policy\nof", "c4_policy_lines", 1),
        ("a bbb cc", "c4_longest_word", 3),
        ("One two three. Four five six!", "c4_paper_sentences", 2),
        ("Only two.", "c4_paper_sentences", 0),
        ("Only three words.", "c4_tfds_sentences", 0),
        ("This is a line without end", "c4_tfds_sentences", 0),
        ("A.\nB\nC!\nD", "fineweb_terminal_lines", 0.5),
        ("x" * 30 + "\n" + "x" * 31, "fineweb_short_lines", 0.5),
        ("aa\nbb\naa\ncc", "fineweb_duplicate_line_chars", 0.25),
        ("a b\nc d\ne f\ng h\nj k", "fineweb_lines_per_word", 0.4),
        ("ABc d\nplain text", "dclm_uppercase_lines", 0),
        ("ABC d\nplain text", "dclm_uppercase_lines", 0.5),
        ("1234\nplain text", "dclm_numeric_lines", 0.5),
        ("1.5K likes\nplain text", "dclm_counter_lines", 0.5),
        ("Home\nplain text", "dclm_one_word_lines", 0.5),
        ("3 items in cart\nplain text", "dclm_interface_lines", 0.5),
        ("Home\none two three", "dclm_removed_words", 0.25),
        ("ab-- c", "symbols_non_alphanumeric", 0.4),
        ("a1 b2", "symbols_digits", 0.5),
        ("http://a.b xxxxx yyyyy", "symbols_addresses", 0.5),
        ("(a) b", "symbols_brackets", 0.5),
        ("fuck this and that", "lexicon_toxic_words", 0.25),
        ("porn porn xxx and", "lexicon_adult_different", 2),
    ],
)
def test_values(text: str, column: str, value: float) -> None:
    assert measure_text(text)[column] == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("write to jane.doe+x@mail.example.org.", "emails", True),
        ("git@github.com:a/b", "emails", True),
        ("a@b and @decorator and x@y.", "emails", False),
        ("host 93.184.216.34 answers", "public_ips", True),
        ("He came from 93.184.216.34. Then he left.", "public_ips", True),
        ("since version 3.8.7.2 and 3.6.23.1, see 12.4.2.1", "public_ips", False),
        ("Version 90.0.44.93 and Section 9.47.6.3", "public_ips", False),
        ("text\n\n6.2.56.3. Audio Interfaces", "public_ips", False),
        ("git version 2.20.1.155.g426c, v1.7.44.2", "public_ips", False),
        ("hosts 10.0.0.1, 127.0.0.1, 192.0.2.7", "public_ips", False),
        ("version 1.2.3.400 and 1.2.3.4.5", "public_ips", False),
        ("ask 2001:4860:4860::8888: it answers", "public_ips", True),
        ("2606:4700:4700:0:0:0:0:1111.", "public_ips", True),
        ("the net 2a00:1450:: is routed", "public_ips", True),
        ("fe80::1, ::1, fd00::2 and 2001:db8::1", "public_ips", False),
        ("dead::beef and std::ab at 2024:01:02", "public_ips", False),
        ("2001:4860:4860:8888", "public_ips", False),
        ("card 4111 1111 1111 1111", "cards", True),
        ("card 4111 1111 1111 1112", "cards", False),
        ("0000 0000 0000 0000", "cards", False),
        ("amex 378282246310005", "cards", True),
        ("web.archive.org/web/20180410025338/http://a.org", "cards", False),
        ("ean13 0220356483481, prime 112272535095293", "cards", False),
        ("call +44 20 7946 0958", "phones", True),
        ("call (415) 555-2671", "phones", True),
        ("on 2024-01-02 at 10:00, 123456789", "phones", False),
        ("key AKIAIOSFODNN7EXAMPLE", "secrets", True),
        ("ghp_" + "a1" * 18, "secrets", True),
        (
            "-----BEGIN PRIVATE KEY-----\n" + "A" * 40 + "\n-----END PRIVATE KEY-----",
            "secrets",
            True,
        ),
        ("the AKIA prefix", "secrets", False),
        ("sk-proj-" + "aB3_" * 3 + "xYz9Qw-" * 5, "secrets", True),
        ("sk-ant-api03-" + "aB3_xYz9Qw-" * 8 + "AA", "secrets", True),
        ("hf_" + "aBcDeFgHiJkLmNoPq" * 2, "secrets", True),
        ("sk-proj-your-secret-api-key-goes-here", "secrets", False),
        ("hf_" + "X" * 34 + " and hf_hub_download_of_a_model_with_files", "secrets", False),
        ("icon@2x.png, logo@home.jpeg, icon@3x.min", "emails", False),
        ("react@18.2.0 and vue@3.4.0-beta.next", "emails", False),
        ("Chrome/120.0.0.0 and build 60.1.44.2, pkg==70.1.2.3", "public_ips", False),
        ("http://93.184.216.34/a", "public_ips", True),
        ("GB82 WEST 1234 5698 7654 32, NL91ABNA0417164300.", "accounts", True),
        ("GB82 WEST 1234 5698 7654 33 and DE12 3456 7890", "accounts", False),
        ("my number is 536-22-1234.", "social_security", True),
        ("SSN: 536221234", "social_security", True),
        ("000-12-3456, 666-12-3456, 912-12-3456, 536-00-1234", "social_security", False),
        ("part 12-536-22-1234 and 536221234", "social_security", False),
    ],
)
def test_personal_data(text: str, kind: str, found: bool) -> None:
    assert (measure_text(text)[f"pii_{kind}"] > 0) is found
    assert (pii.replace(text, [kind]) != text) is found
    assert measure_text(pii.replace(text, [kind]))[f"pii_{kind}"] == 0


def test_a_mark_swallows_the_brackets_of_an_address() -> None:
    assert pii.replace("Jane <jane@example.org> (jane@b.org)", ["emails"]) == (
        "Jane <email> (<email>)"
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.reason)
def test_each_rule_holds_on_its_threshold_and_breaks_beyond(rule: Any) -> None:
    good = measure_text(PROSE) | dict.fromkeys(("contamination_ngrams",), 0.0)
    assert first_failure(RULES, good) is None
    assert first_failure(RULES, good | {rule.column: rule.threshold}) is None
    beyond = rule.threshold + (-1e-6 if rule.is_minimum else 1e-6)
    failure = first_failure(RULES, good | {rule.column: beyond})
    assert failure is not None and failure.rule == rule and failure.value == beyond
    assert first_failure(RULES, good | {rule.column: None}) is None


def test_rules_come_in_the_order_of_the_recipe() -> None:
    settings = QualitySettings.model_validate(
        {"rules": {"order": ["c4", "repetition_max_top_4_gram"]}, "gopher": {"min_words": False}}
    )
    reasons = [rule.reason for rule in rules_of(settings, "en")]
    assert reasons[0] == "c4_max_lorem_ipsum"
    place = reasons.index("repetition_max_top_4_gram")
    assert all(reason.startswith("c4_") for reason in reasons[:place])
    assert reasons[place + 1] == "gopher_max_words"
    assert sorted(reasons) == sorted({r.reason for r in RULES} - {"gopher_min_words"})


@given(st.text())
def test_any_text_gives_every_column_and_shares_stay_in_range(text: str) -> None:
    row = MEASURER.measure("00" * 16, text, "en")
    assert list(row) == measurement_schema().names
    for name, value in row.items():
        if name.startswith(("repetition_", "fineweb_duplicate", "symbols_", "dclm_")):
            assert 0 <= value <= 1, name


@given(
    st.integers(0, 10**6), st.lists(st.sampled_from(["a b", "Menu", "x y z", PROSE]), max_size=9)
)
def test_good_prose_never_adds_a_reason_of_repetition(number: int, parts: list[str]) -> None:
    text = "\n\n".join(parts)
    more = f"{text}\n\n{prose(number)}" if PROSE not in parts else f"{text}\n\n{WORDS} {number}"
    rules = [rule for rule in RULES if rule.column.startswith("repetition_")]
    if first_failure(rules, measure_text(text)) is None:
        assert first_failure(rules, measure_text(more)) is None


@pytest.mark.parametrize(
    ("item", "text", "found"),
    [
        (WORDS, f"Before. {WORDS.upper()}, after", 8),  # 20 - 13 + 1 n-grams
        (" ".join(WORDS.split()[:9]), f"x {WORDS} y", 1),  # shorter than n: counts whole
        (" ".join(WORDS.split()[:7]), f"x {WORDS} y", 0),  # too short to be evidence
        (WORDS, " ".join(WORDS.split()[:12]), 0),
    ],
)
def test_contamination(item: str, text: str, found: int) -> None:
    said = build_index({"exam": [item]}, 13).measure(take_apart(text))
    assert (said["contamination_ngrams"] or 0) == found
    assert (said["contamination_set"] or "") == ("exam" if found else "")


@pytest.mark.system
def test_real_evaluation_sets(shared_data: Any) -> None:
    from pipeline.store.textfiles import read_set

    folder = shared_data / "evaluation"
    files = {
        "blimp": ("blimp.ndjson.zst", ("sentence_good",)),
        "piqa": ("piqa-valid.jsonl", ()),
        "cola": ("cola-in_domain_train.tsv", ("3",)),
    }
    texts = {name: list(read_set(str(folder / f), x)) for name, (f, x) in files.items()}
    index = build_index(texts, 13)
    for name, items in texts.items():
        item = next(item for item in items if len(item.split()) >= 14)
        said = index.measure(take_apart(f"{PROSE} {item.upper()} {PROSE}"))
        assert said["contamination_ngrams"] > 0 and said["contamination_set"] == name
    assert index.measure(take_apart(PROSE))["contamination_ngrams"] == 0


def test_takedown_lists_name_the_line_that_is_wrong() -> None:
    from pipeline.store.errors import SettingError

    with pytest.raises(SettingError, match="list.txt, line 2: 'what is this'"):
        parse_takedown("a.org\nwhat is this\n", "list.txt")


def test_the_draw_is_pareto_and_follows_from_the_id() -> None:
    draws = [pareto(f"{i:032x}") for i in range(20_000)]
    assert draws == [pareto(f"{i:032x}") for i in range(20_000)]
    for x in (0.05, 0.2):  # P(draw > x) = (1 + x)^-9
        assert sum(d > x for d in draws) / len(draws) == pytest.approx((1 + x) ** -9, abs=0.012)


def test_a_tab_separated_evaluation_set_has_fields_of_any_length(tmp_path: Path) -> None:
    from pipeline.store.textfiles import read_set

    long = "word " * 40_000
    path = tmp_path / "set.tsv"
    path.write_text(f'1\t"said\n\n2\t{long}\n')
    assert list(read_set(str(path), ("1",))) == ['"said', long]
