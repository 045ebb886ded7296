"""Words encoded once are the tokens of their sentences, whatever the text and the tokenizer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import SCRIPTS
from tokenizers import AddedToken, Tokenizer, normalizers, pre_tokenizers

from pipeline.store.corpus import Corpus
from pipeline.store.sentences import split_sentences
from pipeline.tokens import word_cache as known
from pipeline.tokens.encode import encoded, load_encoder
from pipeline.tokens.settings import TokensSettings
from pipeline.tokens.word_cache import KnownWords, goes_by_words

U16 = np.dtype("<u2")
KINDS = ("bpe", "unigram", "wordpiece")
TEXTS = ["It's naïve to say \"no\" (or yes) in 1999, e.g. here; ``so'' it was. " * 20, *SCRIPTS]

#: White space of every kind, what normalisers drop, join, take apart or turn into white space.
HOSTILE = st.text(
    "aB1.!?'`\" \n\t\x0b\x0c\r\x1c\x1d\x1e\x1f\x00\x01\x7f\x85\xa0\xad\u1680\u2002\u200b\u200d"
    "\u2028\u2029\u202f\u205f\u3000\ufeff\ufffd\u2581é\u0301\u0308¨½ﬁ漢カ\u3099\u1100\u1161İΣς😀"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("known")
    for kind in KINDS:
        settings_of(kind).chosen_kind().make(TEXTS).save(str(folder / f"{kind}.json"))
    return folder


def settings_of(kind: str, **more: object) -> TokensSettings:
    return TokensSettings.model_validate({"kind": kind, "vocab_size": 1200} | more)


def by_sentence(tokenizer: Tokenizer, sentences: list[str]) -> list[list[int]]:
    return [e.ids for e in tokenizer.encode_batch(sentences, add_special_tokens=False)]


def by_word(words: KnownWords, sentences: list[str]) -> list[list[int]]:
    [(tokens, lengths)] = words.encode([sentences])
    return [p.tolist() for p in np.split(np.frombuffer(tokens, U16), np.cumsum(lengths)[:-1])]


@pytest.mark.parametrize("kind", KINDS)
def test_any_text(folder: Path, kind: str) -> None:
    encoder = load_encoder(str(folder / f"{kind}.json"), settings_of(kind))
    assert encoder.words is not None

    @settings(deadline=None, max_examples=200)
    @given(st.lists(HOSTILE | st.text() | st.sampled_from(TEXTS), min_size=1, max_size=4))
    def check(sentences: list[str]) -> None:
        assert encoder.words is not None
        expected = by_sentence(encoder.tokenizer, sentences)
        assert by_word(encoder.words, sentences) == expected
        assert by_word(encoder.words, sentences) == expected  # now from memory

    check()


@pytest.mark.parametrize("kind", KINDS)
def test_each_character_between_words(folder: Path, kind: str) -> None:
    """Around each that is no letter or digit, white space and letters on either side."""
    encoder = load_encoder(str(folder / f"{kind}.json"), settings_of(kind))
    characters = [chr(n) for n in range(0x10000) if not chr(n).isalnum()]
    texts = [f"a{c} b{c}c {c}d\n{c}e" for c in characters if not 0xD800 <= ord(c) < 0xE000]
    assert encoder.words is not None
    assert by_word(encoder.words, texts) == by_sentence(encoder.tokenizer, texts)


def test_what_is_forgotten_is_encoded_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "_ROOM", 10 * known._OVERHEAD)
    encoder = load_encoder(str(folder / "bpe.json"), settings_of("bpe"))
    assert encoder.words is not None
    for text in TEXTS * 3:
        sentences = split_sentences(text)
        assert by_word(encoder.words, sentences) == by_sentence(encoder.tokenizer, sentences)
        assert len(encoder.words._cache) <= 11


def test_only_tokenizers_that_go_by_words_do(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "bpe.json"))
    assert goes_by_words(tokenizer)
    tokenizer.normalizer = normalizers.Replace("a b", "c")
    assert not goes_by_words(tokenizer)
    tokenizer.normalizer = None
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    assert not goes_by_words(tokenizer)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_tokens([AddedToken("New York")])
    assert not goes_by_words(tokenizer)


@pytest.mark.parametrize("kind", [*KINDS, "file"])
def test_pieces_of_real_documents(folder: Path, sample_root: Path, kind: str) -> None:
    """Rows of a part: each document's tokens, sentence by sentence, and its end token."""
    wanted = settings_of(kind) if kind != "file" else settings_of(kind, path="x")
    path = folder / f"{kind}.json"
    if kind == "file":  # one that does not go by words
        tokenizer = Tokenizer.from_file(str(folder / "bpe.json"))
        tokenizer.add_tokens([AddedToken("New York")])
        tokenizer.save(str(path))
    encoder = load_encoder(str(path), wanted)
    assert (encoder.words is None) == (kind == "file")
    [part, *_] = Corpus(str(sample_root)).paths("corpus", "2024-01")
    texts = {row["id"]: row for row in pq.read_table(part).to_pylist()}
    checked = 0
    for row in encoded(part, encoder, wanted):
        page = texts.pop(row["id"])
        ids = by_sentence(encoder.tokenizer, split_sentences(page["text"], page["language"]))
        expected = [sentence for sentence in ids if sentence]
        expected[-1] = expected[-1] + ([] if encoder.end is None else [encoder.end])
        found = np.frombuffer(row["tokens"], U16)
        assert found.tolist() == [i for sentence in expected for i in sentence]
        assert row["lengths"].tolist() == [len(sentence) for sentence in expected]
        checked += len(expected)
    assert not texts and checked > 500


@pytest.mark.parametrize("kind", ["bpe", "wordpiece"])
def test_cutting_padding_and_chance_in_a_file_are_off(folder: Path, kind: str) -> None:
    """What such a file asks for would lose text, add tokens, or differ from run to run."""
    said = json.loads((folder / f"{kind}.json").read_text())
    said["truncation"] = {
        "direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0
    }  # fmt: skip
    said["padding"] = {
        "strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]",
    }  # fmt: skip
    if kind == "bpe":
        said["model"]["dropout"] = 0.5
    changed = folder / f"{kind}-changed.json"
    changed.write_text(json.dumps(said))
    plain = load_encoder(str(folder / f"{kind}.json"), settings_of(kind))
    encoder = load_encoder(str(changed), settings_of(kind))
    sentences = split_sentences(TEXTS[0])
    assert encoder.words is not None
    assert by_word(encoder.words, sentences) == by_sentence(plain.tokenizer, sentences)
    assert by_sentence(encoder.tokenizer, sentences) == by_sentence(plain.tokenizer, sentences)
