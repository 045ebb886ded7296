"""Words of scripts without spaces: the same scripts for counts and for comparisons."""

import pytest

from pipeline.store.unspaced import (
    UNSPACED,
    count_unspaced,
    count_words,
    has_words,
    is_unspaced,
    split_words,
    words_and_characters,
)

WORDS = [
    ("two words", ["two", "words"], ["two", "words"]),
    ("été là", ["été", "là"], ["été", "là"]),
    ("人々は 行く", ["人々", "は", "行く"], ["人", "々", "は", "行", "く"]),
    ("GPT是模型", ["GPT", "是模", "型"], ["GPT", "是", "模", "型"]),
    ("ภาษาไทย", ["ภาษาไ", "ทย"], list("ภาษาไทย")),
    ("한국어 글", ["한국어", "글"], ["한국어", "글"]),
    ("\U00020000\U0003ffff", ["\U00020000\U0003ffff"], ["\U00020000", "\U0003ffff"]),
]


@pytest.mark.parametrize(("text", "pieces", "characters"), WORDS)
def test_words_by_pieces_and_by_characters(
    text: str, pieces: list[str], characters: list[str]
) -> None:
    assert split_words(text) == pieces
    assert count_words(text) == len(pieces)
    for least in (0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 7):
        assert has_words(text, least) == (len(pieces) >= least)
    assert words_and_characters(text) == characters


def test_the_first_and_last_of_each_range_count_and_their_neighbours_do_not() -> None:
    inside = {code for first, last in UNSPACED for code in (first, last)}
    outside = {code for first, last in UNSPACED for code in (first - 1, last + 1)} - inside
    assert all(is_unspaced(chr(code)) for code in inside)
    assert count_unspaced("".join(map(chr, inside))) == len(inside)
    assert not any(is_unspaced(chr(code)) for code in outside)
