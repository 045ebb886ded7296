"""Made-up English: documents of a small grammar, the same on every machine.

Tests that need running text take it from here, so that what they find depends neither on the
project's own pages nor on what lies beside it.  Words follow Zipf's law, each noun prefers a few
adjectives and verbs, and sentences have 5 to about 30 words.
"""

from __future__ import annotations

import random
from itertools import accumulate

_ONSETS = ("b", "br", "c", "cl", "d", "f", "g", "gr", "h", "l", "m", "n", "p", "s", "st", "t", "v")
_VOWELS = ("a", "e", "i", "o", "u", "ea", "oo")
_CODAS = ("", "l", "n", "r", "s", "t", "nd", "ck")
_ENDINGS = {"noun": ("", "er", "ness"), "verb": ("s", "ed"), "adjective": ("y", "al", "ish")}
_LINKS = ("and", "but", "while", "because", "so", "until")
_PLACES = ("in", "on", "near", "under", "before", "after")
#: How many nouns there are; a noun stands with one of a few verbs and adjectives.
_WORDS, _PREFERRED = 400, 6


def documents(characters: int, seed: int = 1, sentences: int = 40) -> list[str]:
    """Documents of about so many sentences, `characters` in all."""
    speaker = _Speaker(random.Random(f"made-up English {seed}"))
    found: list[str] = []
    while sum(map(len, found)) < characters:
        found.append(speaker.document(sentences))
    return found


class _Speaker:
    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._words = {kind: self._lexicon(endings) for kind, endings in _ENDINGS.items()}
        self._weights = [*accumulate(1 / rank for rank in range(1, _WORDS + 1))]

    def _lexicon(self, endings: tuple[str, ...]) -> list[str]:
        """Different words of two syllables and an ending, the most frequent first."""
        draw, words = self._draw, dict[str, None]()
        while len(words) < _WORDS:
            syllables = [
                draw.choice(_ONSETS) + draw.choice(_VOWELS) + draw.choice(_CODAS) for _ in range(2)
            ]
            words["".join(syllables) + draw.choice(endings)] = None
        return [*words]

    def document(self, sentences: int) -> str:
        count = self._draw.randint(sentences // 2, sentences * 3 // 2)
        return " ".join(self._sentence() for _ in range(count))

    def _sentence(self) -> str:
        clauses = [self._clause()]
        while len(clauses) < 3 and self._draw.random() < 0.3:
            clauses += [f"{self._draw.choice(_LINKS)} {self._clause()}"]
        said = " ".join(clauses)
        return f"{said[0].upper()}{said[1:]}."

    def _clause(self) -> str:
        noun, other = self._noun(), self._noun()
        verb = self._words["verb"][self._near(noun)]
        said = f"{self._thing(noun)} {verb} {self._thing(other)}"
        if self._draw.random() < 0.3:
            said += f" {self._draw.choice(_PLACES)} {self._thing(self._noun())}"
        return said

    def _noun(self) -> int:
        return self._draw.choices(range(_WORDS), cum_weights=self._weights)[0]

    def _near(self, noun: int) -> int:
        """One of the few words that this noun stands with."""
        return (noun * 7 + self._draw.randrange(_PREFERRED)) % _WORDS

    def _thing(self, noun: int) -> str:
        article = self._draw.choice(("the", "the", "a", "her", "this"))
        word = self._words["noun"][noun]
        if self._draw.random() < 0.4:
            return f"{article} {self._words['adjective'][self._near(noun)]} {word}"
        return f"{article} {word}"
