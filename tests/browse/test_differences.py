"""What differs between two texts."""

from __future__ import annotations

import pytest

from pipeline.browse.differences import differences


def marked(pieces: list[tuple[str, bool]]) -> list[str]:
    return [text.strip() for text, differs in pieces if differs]


@pytest.mark.parametrize(
    ("one", "other", "ours", "theirs"),
    [
        ("", "", [], []),
        ("same text", "same text", [], []),
        ("the old mill stands", "the new mill stands", ["old"], ["new"]),
        ("a b c", "a b", ["c"], []),
        ("first\nsecond\nthird", "first\nthird", ["second"], []),
        ("a  \nb", "a\nb", [], []),
        ("one", "", ["one"], []),
    ],
)
def test_words_that_differ_are_marked(
    one: str, other: str, ours: list[str], theirs: list[str]
) -> None:
    left, right = differences(one, other)
    assert (marked(left), marked(right)) == (ours, theirs)
    assert "".join(text for text, _ in left) == one
    assert "".join(text for text, _ in right) == other


def test_long_texts_without_lines_differ_as_a_whole() -> None:
    one, other = ("x " * 3_000, "y " * 3_000)
    assert differences(one, other) == ([(one, True)], [(other, True)])


def test_pieces_alternate() -> None:
    left, _ = differences("a b c d e f", "a x c y e z")
    assert [differs for _, differs in left] == [False, True, False, True, False, True]
