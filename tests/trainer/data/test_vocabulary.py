"""Special tokens by name, and where words begin, for each kind of tokenizer."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models

from pipeline.store.errors import SettingError
from pipeline.tokens.settings import TokensSettings
from trainer.data.vocabulary import Vocabulary

TEXT = ["The unbelievable antidisestablishmentarians were walking, talking (and sleeping)."] * 40


@pytest.mark.parametrize("kind", ["albert", "electra"])
def test_whole_words_are_found(kind: str) -> None:
    size = 260 if kind == "albert" else 1000
    settings = TokensSettings.checked({"kind": kind, "vocab_size": size}, "test")
    letters = [f"{a}{b}" for a in "abcdefghij" for b in "klmnopqrst"] if kind == "albert" else []
    tokenizer = settings.chosen_kind().make([*TEXT, *letters])
    vocabulary = Vocabulary.of(tokenizer)
    assert vocabulary.special == {vocabulary.pad, vocabulary.cls, vocabulary.sep, vocabulary.mask}
    encoding = tokenizer.encode("walkings, talkers", add_special_tokens=False)
    begins = [vocabulary.starts[n] for n in encoding.ids]
    # The first token, the sign and the second word; pieces inside a word begin none.
    assert begins[0]
    at = next(n for n, token in enumerate(encoding.tokens) if token == ",")
    assert begins[at] and begins[at + 1]
    for n, token in enumerate(encoding.tokens):
        inside = token.startswith("##") if kind == "electra" else token.isalpha() and n
        assert begins[n] != bool(inside), encoding.tokens


def test_a_tokenizer_without_mask_is_refused() -> None:
    tokenizer = Tokenizer(models.WordLevel({"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3}, "[PAD]"))
    with pytest.raises(SettingError, match=r"no \[MASK\]"):
        Vocabulary.of(tokenizer)
