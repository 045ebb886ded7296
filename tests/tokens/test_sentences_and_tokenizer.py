"""Sentences put together are the text; tokens are those of the whole text; both repeatable."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import SCRIPTS
from tokenizers import Tokenizer

from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError
from pipeline.store.sentences import split_sentences
from pipeline.tokens.draws import in_sample, in_validation, order_of
from pipeline.tokens.settings import TokensSettings
from pipeline.tokens.tokenizer import end_id

SETTINGS = TokensSettings(vocab_size=600)
TEXT = "The cat sat on the mat. Dr. Smith paid $3.50, e.g. in Jan. 2024!\n\n- one\n- two\n" * 20


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return SETTINGS.chosen_kind().make([TEXT, *SCRIPTS[:3]])


@pytest.mark.parametrize(
    "text", [TEXT, *SCRIPTS, "", " ", "\n\n", "one", "a. b", " . ", "plan A\xa0. B"]
)
def test_sentences_are_the_text(text: str) -> None:
    sentences = split_sentences(text)
    assert "".join(sentences) == text
    for before, after in pairwise(sentences):
        assert not before[-1].isspace()
        assert after[0].isspace()


#: Sentences' ends before all that is white space to Unicode or to Python, and some neighbours.
BOUNDARIES = st.text(
    "aB1.!?。é'\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2002\u200b\u2028\u2029\u3000\ufeff"
)


@settings(deadline=None, max_examples=300)
@given(st.text() | BOUNDARIES)
def test_any_text_is_its_sentences_and_their_tokens(tokenizer: Tokenizer, text: str) -> None:
    sentences = split_sentences(text)
    assert "".join(sentences) == text
    pieces = [i for s in sentences for i in tokenizer.encode(s, add_special_tokens=False).ids]
    assert pieces == tokenizer.encode(text, add_special_tokens=False).ids


def test_abbreviations_and_lists() -> None:
    text = "Dr. Smith met Mr. Doe, e.g. in Jan. 2024. He left! Really?\n\n- one item\n- two items"
    assert split_sentences(text) == [
        "Dr. Smith met Mr. Doe, e.g. in Jan. 2024.",
        " He left!",
        " Really?",
        "\n\n- one item",
        "\n- two items",
    ]


@pytest.mark.parametrize("text", [TEXT, *SCRIPTS])
def test_round_trip_and_tokens_of_the_whole(text: str, tokenizer: Tokenizer) -> None:
    whole = tokenizer.encode(text, add_special_tokens=False).ids
    pieces = [
        i for s in split_sentences(text) for i in tokenizer.encode(s, add_special_tokens=False).ids
    ]
    assert pieces == whole
    assert tokenizer.decode(whole) == text


def test_training_is_repeatable(tokenizer: Tokenizer) -> None:
    assert SETTINGS.chosen_kind().make([TEXT, *SCRIPTS[:3]]).to_str() == tokenizer.to_str()


def test_the_end_token_is_the_last(tokenizer: Tokenizer) -> None:
    assert end_id(tokenizer, SETTINGS.end_token) == tokenizer.get_vocab_size() - 1 <= 599
    assert tokenizer.id_to_token(tokenizer.get_vocab_size() - 1) == "<|endoftext|>"


def test_a_tokenizer_is_taken_as_it_is(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    wanted = TokensSettings(kind="file", path=str(path))
    assert wanted.chosen_kind().make(()).to_str() == tokenizer.to_str()
    with pytest.raises(SettingError, match="no token '</s>'.*tokens.end_token"):
        wanted.model_copy(update={"end_token": "</s>"}).chosen_kind().make(())
    with pytest.raises(SettingError, match=r"x\.json does not exist\. Name a tokenizer\.json"):
        wanted.model_copy(update={"path": str(tmp_path / "x.json")}).chosen_kind().make(())
    path.write_text("{}")
    with pytest.raises(SettingError, match=r"no tokenizer\.json"):
        wanted.chosen_kind().make(())


def test_choices_by_hash_are_shares_and_independent() -> None:
    ids = [f"{n:032x}" for n in range(20_000)]
    sample = {i for i in ids if in_sample(i, 0.3)}
    validation = {i for i in ids if in_validation(i, 0.1)}
    first_half = {i for i in ids if order_of(i) < "8"}
    assert 0.28 < len(sample) / len(ids) < 0.32
    assert 0.09 < len(validation) / len(ids) < 0.11
    assert 0.025 < len(sample & validation) / len(ids) < 0.035
    assert 0.04 < len(validation & first_half) / len(ids) < 0.06


def test_real_documents_are_their_sentences(sample_root: Path) -> None:
    tokenizer = Tokenizer.from_file(str(sample_root / "tokenizers/gpt2/tokenizer.json"))
    checked = 0
    for path in Corpus(str(sample_root)).paths("corpus", "2024-01"):
        for text in pq.read_table(path, columns=["text"])["text"].to_pylist()[:20]:
            sentences = split_sentences(text)
            assert "".join(sentences) == text
            flat = tokenizer.encode_batch(sentences, add_special_tokens=False)
            assert [i for e in flat for i in e.ids] == tokenizer.encode(text).ids
            checked += len(sentences)
    assert checked > 1000
