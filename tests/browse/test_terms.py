"""What a search asks for, and where a text has it."""

from __future__ import annotations

import pytest

from pipeline.browse.terms import Term, mark, read_terms, snippet


@pytest.mark.parametrize(
    ("asked", "terms"),
    [
        ("", []),
        (" * \" ' - ", []),
        ("river  mill", ["river", "mill"]),
        ('"old mill" river', ["old mill", "river"]),
        ('"open phrase', ["open phrase"]),
        ("mill mill", ["mill"]),
        ("river NOT mill*", ["river", "NOT", "mill*"]),
        (" ".join(f"w{i}" for i in range(30)), [f"w{i}" for i in range(12)]),
    ],
)
def test_terms_are_words_and_phrases(asked: str, terms: list[str]) -> None:
    assert [term.text for term in read_terms(asked)] == terms


@pytest.mark.parametrize(
    ("text", "fts5", "is_unspaced"),
    [("mill", '"mill"', False), ('a"b', '"a""b"', False), ("图书馆", '"图书馆"', True)],
)
def test_a_term_is_a_phrase_for_the_index(text: str, fts5: str, is_unspaced: bool) -> None:
    assert (Term(text).fts5, Term(text).is_unspaced) == (fts5, is_unspaced)


def test_matches_are_marked_whatever_their_case() -> None:
    pieces = mark("The Mill by the mill.", [Term("mill"), Term("by the")])
    assert pieces == [
        ("The ", False), ("Mill", True), (" ", False), ("by the", True), (" ", False),
        ("mill", True), (".", False),
    ]  # fmt: skip
    assert mark("text", []) == [("text", False)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x " * 300 + "the mill\nstands " + "y " * 300, ["… ", " …"]),
        ("a mill", ["a ", ""]),
        ("no match here", ["no match here", ""]),
    ],
)
def test_a_snippet_is_around_the_first_match(text: str, shown: list[str]) -> None:
    pieces = snippet(text, [Term("mill")])
    line = "".join(piece.text for piece in pieces)
    assert line.startswith(shown[0]) and line.endswith(shown[1]) and "\n" not in line
    assert ("mill" in line) == any(piece.marked for piece in pieces) == ("mill" in text)
    assert len(line) < 400
