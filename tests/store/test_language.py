"""The language of a text: the same answers as py3langid's own loop over bytes."""

from __future__ import annotations

import random
from functools import cache

import pytest
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from pipeline.store.language import identify

TEXTS = {
    "en": "The ferry leaves the old pier at noon and comes back before it is dark. ",
    "de": "Die Fähre legt mittags am alten Steg ab und kommt vor der Dämmerung zurück. ",
    "ru": "Паром отходит от старого причала в полдень и возвращается до темноты. ",
    "zh": "渡船中午从旧码头出发，天黑以前回来。",
    "ja": "渡し船は正午に古い桟橋を出て、暗くなる前に戻ります。",
    "el": "Το πλοίο φεύγει από την παλιά προβλήτα το μεσημέρι και γυρίζει πριν νυχτώσει. ",
}


@cache
def library() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("times", [1, 3, 12, 40])
def test_answers_are_those_of_the_library(language: str, times: int) -> None:
    text = TEXTS[language] * times
    found, score = identify(text, chars=len(text))
    expected, sure = library().classify(text)
    assert (found, score) == (expected, round(float(sure), 4))
    assert found == language


def test_bytes_of_no_language_are_told_alike() -> None:
    drawn = random.Random(1)
    for size in (299, 301, 500, 1_499):
        text = "".join(chr(drawn.randrange(32, 0x3000)) for _ in range(size))
        expected, sure = library().classify(text)
        assert identify(text, chars=size) == (expected, round(float(sure), 4))


@pytest.mark.parametrize("text", ["", " \n ", "12 + 34 = 46", "." * 2_000])
def test_texts_without_letters_have_none(text: str) -> None:
    assert identify(text) == ("", 0.0)
