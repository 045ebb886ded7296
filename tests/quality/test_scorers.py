"""Classifiers of others as columns: each kind against the library it comes from, and in a build."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import onnx
import pytest
import torch
import transformers
from onnx import TensorProto, numpy_helper
from quality_corpus import PROSE, prose
from scorer_models import (
    BAD,
    GOOD,
    VOCABULARY,
    bert_folder,
    fasttext_model,
    onnx_texts,
    onnx_tokens,
    spam,
)

from pipeline.quality.scorers.settings import ScorerSettings
from pipeline.store.errors import SettingError
from pipeline.store.scorer import Scorer, kind_of

HOSTILE = [
    "", " ", "\n\n", "a\nb\nc", "a\0b", "x" * 5000, "日本語" * 300, "日本語 東京 は 首都",
    "words </s> behind the end", f"{GOOD} {PROSE}", "__label__unknown a b", "naïve é 🙂🙂",
    "a\u2028b\x85c\x0bd\x0ce\rf", "<river>", ">", "cafe" + "\u0301" * 50, "\ufeff\u202e",
    prose(1) * 40, *(" ".join(prose(i).split()[: i + 1]) for i in range(0, 60, 7)),
]  # fmt: skip


def scorer(path: str | Path, **settings: Any) -> Scorer:
    options = ScorerSettings(path=str(path), **settings).options()
    return kind_of(options.path)(options)


@pytest.mark.parametrize(
    "training",
    [
        {"loss": "softmax", "wordNgrams": 2, "dim": 100},
        {"loss": "softmax", "wordNgrams": 3, "minn": 2, "maxn": 5},
        {"loss": "ova", "wordNgrams": 2, "minn": 1, "maxn": 3},
        {"loss": "hs", "minn": 3, "maxn": 6},
        {"loss": "ns"},
        {"loss": "softmax", "wordNgrams": 2, "minn": 2, "maxn": 4, "quantize": True},
        {"loss": "hs", "wordNgrams": 2, "quantize": True},
    ],
    ids=str,
)
def test_fasttext_scores_as_fasttext_does(tmp_path: Path, training: dict[str, Any]) -> None:
    path = fasttext_model(tmp_path, **training)
    ours, theirs = scorer(path, output=GOOD), fasttext.load_model(path)
    assert set(ours.labels) == {GOOD, BAD, "__label__other"}
    for text, row in zip(HOSTILE, ours.outputs(HOSTILE), strict=True):
        labels, chances = theirs.predict(text.replace("\n", " "), k=-1)
        expected = dict(zip(labels, chances, strict=True))
        for label, value in zip(ours.labels, row, strict=True):
            # fastText leaves out a label of a tree whose chance is below 1e-5.
            assert value == pytest.approx(
                expected.get(label, 0.0), abs=1e-6 if label in expected else 2e-5
            )


def test_a_text_of_unknown_words_alone_has_no_chance(tmp_path: Path) -> None:
    """fastText's `predict` gives no label at all where a model knows not even the line's end."""
    path = fasttext_model(tmp_path, minCount=30)
    data = Path(path).read_bytes()
    Path(path).write_bytes(data.replace(b"</s>\0", b"<-s>\0"))
    assert fasttext.load_model(path).predict("unheard words")[0] == ()
    assert scorer(path, output=GOOD).score(["unheard words"]) == [0.0]


def test_a_damaged_fasttext_file_is_refused(tmp_path: Path) -> None:
    """Cut off anywhere, or with any byte of its head changed: an error, or a model that works."""
    path = Path(fasttext_model(tmp_path, dim=2, bucket=10, wordNgrams=2, minCount=20))
    whole, seen = path.read_bytes(), 0
    for end in [*range(4, 100, 3), *range(100, len(whole), 397)]:
        path.write_bytes(whole[:end])
        with pytest.raises(SettingError, match=r"model\.bin is no fastText classifier"):
            scorer(path)
    for place in range(4, 300):
        for byte in (0x7F, 0xFF):
            changed = bytearray(whole)
            changed[place] = byte
            path.write_bytes(changed)
            try:
                scorer(path, output=0).outputs(["a river", "日本語"])
            except SettingError:
                seen += 1
    assert seen > 100


def test_word_vectors_are_no_classifier(tmp_path: Path) -> None:
    source, path = tmp_path / "text.txt", tmp_path / "vectors.bin"
    source.write_text(prose(1) * 5)
    model = fasttext.train_unsupervised(str(source), dim=5, bucket=100, thread=1, verbose=0)
    model.save_model(str(path))
    with pytest.raises(SettingError, match="word vectors and no classifier"):
        scorer(path)


@pytest.mark.parametrize("labels", [1, 3])
def test_safetensors_score_as_transformers_do(tmp_path: Path, labels: int) -> None:
    folder = bert_folder(tmp_path / "bert", labels)
    texts = ["river", "a casino river " * 40, "", "zzz", "日本語", *("ab " * n for n in range(9))]
    output = None if labels == 1 else "LABEL_1"
    ours = scorer(folder, output=output, tokens=64, batch=4).score(texts)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    words = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    words.model_max_length, words.pad_token = 64, "[PAD]"
    for text, score in zip(texts, ours, strict=True):
        inputs = words(text, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            logits = model(**inputs).logits[0]
        expected = logits[0] if labels == 1 else torch.softmax(logits, 0)[1]
        assert score == pytest.approx(float(expected), rel=1e-4)


def test_a_model_without_all_its_weights_is_refused(tmp_path: Path) -> None:
    folder = bert_folder(tmp_path / "bert")
    config = json.loads((folder / "config.json").read_text())
    for change, message in (
        ({"num_hidden_layers": 3}, "lacks the weights bert.encoder.layer.2"),
        ({"num_hidden_layers": 10**9}, "smaller than its config.json says"),
        ({"hidden_size": 10**6}, "smaller than its config.json says"),
        ({"architectures": ["QualityModel"]}, "config.json says QualityModel.*ONNX"),
        ({"max_position_embeddings": 32}, "takes 32 tokens, fewer than tokens = 64"),
    ):
        (folder / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(SettingError, match=message):
            scorer(folder, tokens=64)


@pytest.mark.parametrize("length", [0, 7, 2**26, 2**40])
def test_a_damaged_safetensors_header_is_refused(tmp_path: Path, length: int) -> None:
    folder = bert_folder(tmp_path / "bert")
    path = folder / "model.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + path.read_bytes()[8:])
    with pytest.raises(SettingError, match=r"model\.safetensors is no"):
        scorer(folder, tokens=64)


def test_onnx_over_tokens(tmp_path: Path) -> None:
    folder = onnx_tokens(tmp_path / "onnx")
    texts = ["river a", "casino", "b " * 300, "", "c river river d"]
    ours = scorer(folder, output=1, tokens=16, batch=2)
    table = numpy_helper.to_array(onnx.load(folder / "model.onnx").graph.initializer[0])
    assert ours.labels == ("0", "1")
    tokens = [VOCABULARY.index(token) for token in ("[CLS]", "river", "a", "[SEP]")]
    assert ours.score(["river a"])[0] == pytest.approx(table[tokens, 1].mean(), rel=1e-3)
    alone = [ours.score([text])[0] for text in texts]
    assert ours.score(texts) == alone  # padding changes nothing
    (folder / "config.json").write_text(json.dumps({"id2label": {"0": "bad", "1": "good"}}))
    named = scorer(folder, output="good", tokens=16)
    logits = ours.outputs(texts)
    expected = np.exp(logits[:, 1]) / np.exp(logits).sum(axis=1)
    assert named.score(texts) == pytest.approx(expected, rel=1e-3)


def test_onnx_over_texts(tmp_path: Path) -> None:
    path = onnx_texts(tmp_path / "text.onnx")
    assert scorer(path, tensor="score").score(["my river", "casino"]) == [1.0, 0.0]
    with pytest.raises(SettingError, match="several outputs.*Its outputs: score, minus"):
        scorer(path)


def test_onnx_leads_to_no_other_file(tmp_path: Path) -> None:
    folder = onnx_tokens(tmp_path / "onnx")
    model = onnx.load(folder / "model.onnx")
    secret = tmp_path / "secret.bin"
    secret.write_bytes(b"\1" * 10_000)
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], location=str(secret))
    model.graph.initializer[0].ClearField("raw_data")
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(SettingError, match="no ONNX model that can be opened"):
        scorer(folder, output=1, tokens=16)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x04\x95 pickle", "is a pickle, which is not read"),
        (b"GIF89a" * 9, "is no model that can be read.*fasttext, onnx, safetensors"),
        (b"", "is no model that can be read"),
        (b"\x08\x0a" + b"\xff" * 90, "is no ONNX model that can be opened"),
        (b"PK\x03\x04 no zip", "is no classifier"),
    ],
)
def test_what_is_no_model_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(SettingError, match=message):
        scorer(path)


def test_an_output_is_chosen_by_name(tmp_path: Path) -> None:
    path = fasttext_model(tmp_path)
    with pytest.raises(SettingError, match="has 3 outputs, and no `output` is set.*__label__"):
        scorer(path).score(["a"])
    with pytest.raises(SettingError, match="no output '__label__hg'.*Did you mean __label__hq"):
        scorer(path, output="__label__hg").score(["a"])
    good, bad = scorer(path, output=GOOD).score([prose(5), spam(5)])
    assert good > 0.9
    assert bad < 0.1
    with pytest.raises(SettingError, match="does not exist"):
        scorer(tmp_path / "nothing.bin")
