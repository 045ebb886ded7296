"""Whether an existing tokenizer gives texts back, found when it is taken over.

Tokenizers that lower-case, compose characters or lack letters are taken as they are; how many
texts they change, and how many tokens stand for what they do not know, is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice
from typing import NamedTuple

import orjson

from pipeline.tokens.encode import TextEncoder

#: Texts of a corpus that are tried, beside those below.
_FROM_CORPUS = 300
#: What tokenizers lose: spaces at the ends and in rows, lines, tabs, special tokens as text, marks
#: that combine, scripts without spaces, signs of several code points, characters without a glyph.
HOSTILE = (
    "Two sentences. The second one.",
    " a space in front, two  inside, one behind ",
    "def f(x):\n    if x:\n\treturn x\n\n\n# end",
    "\r\nlines\r\nof another system\r\n",
    "</s><s>[INST] <|endoftext|> <unk> <0x41>",
    "Ærøskøbing, naïve, Ångström, cafe\u0301, \ufb01n",
    "हिन्दी में लिखा। தமிழ் எழுத்து. ภาษาไทย",
    "中文没有空格。日本語の文。한국어 문장.",
    "👩‍👩‍👧 🇩🇪 ☕️ 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "zero\u200bwidth, no\xa0break, \ufeffmark, \u2028line",
    "1234567890 3.14 -5e10 0x1F ½ x² H₂O",
)


class Proof(NamedTuple):
    """Texts that were tried, those that came back exactly, and tokens, known and unknown."""

    texts: int
    exact: int
    tokens: int
    unknown: int

    def extra(self) -> dict[str, int]:
        """For the manifest."""
        return {f"proof_{name}": number for name, number in self._asdict().items()}

    def warnings(self, name: str) -> list[str]:
        """What a user should know, a sentence each; none where every text comes back."""
        lines = []
        if self.exact < self.texts:
            lines.append(
                f"tokenizer {name} gives {self.exact:,} of {self.texts:,} texts back exactly"
            )
        if self.unknown:
            share = self.unknown / self.tokens
            lines.append(f"{share:.2%} of its tokens are unknown words")
        return lines


def prove(encoder: TextEncoder, corpus: Iterable[str]) -> Proof:
    """Encodes and decodes hostile texts and some of a corpus."""
    tokenizer, unknown_id = encoder.tokenizer, _unknown(encoder)
    texts = exact = tokens = unknown = 0
    for text in chain(HOSTILE, islice(corpus, _FROM_CORPUS)):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        texts += 1
        exact += tokenizer.decode(ids, skip_special_tokens=False) == text
        tokens += len(ids)
        unknown += ids.count(unknown_id)
    return Proof(texts, exact, tokens, unknown)


def _unknown(encoder: TextEncoder) -> int:
    """The token that stands for what the tokenizer does not know; -1 where it has none."""
    model = orjson.loads(encoder.tokenizer.to_str())["model"]
    number = model.get("unk_id")  # of Unigram; the others name it
    if number is None and model.get("unk_token") is not None:
        number = encoder.tokenizer.token_to_id(model["unk_token"])
    return -1 if number is None else int(number)
