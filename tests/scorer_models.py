"""Small classifiers of each kind, made by the libraries that made the ones people use."""

from __future__ import annotations

import random
from pathlib import Path

import fasttext
import numpy as np
import onnx
import transformers
from onnx import TensorProto, helper, numpy_helper
from quality_corpus import prose
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

GOOD, BAD = "__label__hq", "__label__cc"
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyz", "river", "casino"]


def spam(number: int) -> str:
    return f"Buy cheap pills now, best offer to win the casino bonus {number}. " * 5


def fasttext_model(folder: Path, *, quantize: bool = False, **training: object) -> str:
    """A classifier that tells prose from spam, by fastText itself."""
    lines = [f"{GOOD} {prose(i)}" for i in range(50)]
    lines += [f"{BAD} {spam(i)}" for i in range(50)]
    lines += [f"__label__other 日本語 {i} naïve 東京" for i in range(20)]
    random.Random(1).shuffle(lines)
    source = folder / "train.txt"
    source.write_text("\n".join(lines) + "\n")
    settings = {"dim": 10, "epoch": 5, "lr": 0.5, "bucket": 3000, "thread": 1, "verbose": 0}
    model = fasttext.train_supervised(str(source), **(settings | training))
    path = folder / ("model.ftz" if quantize else "model.bin")
    if quantize:
        model.quantize(input=str(source), qnorm=True, cutoff=400, dsub=3)
    model.save_model(str(path))
    return str(path)


def tokenizer_file(folder: Path) -> None:
    """A word tokenizer with the marks of BERT."""
    words = {word: number for number, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    marks = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, marks)
    tokenizer.save(str(folder / "tokenizer.json"))


def bert_folder(folder: Path, labels: int = 1) -> Path:
    """A BERT with random weights, saved as hubs have it."""
    transformers.set_seed(3)
    config = transformers.BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        num_labels=labels,
    )
    folder.mkdir(parents=True, exist_ok=True)
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer_file(folder)
    return folder


def onnx_tokens(folder: Path) -> Path:
    """logits = the mean of rows of a table, by tokens: (texts, 2)."""
    folder.mkdir(parents=True, exist_ok=True)
    table = np.random.default_rng(1).normal(size=(len(VOCABULARY), 2)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
            helper.make_node("Mul", ["rows", "wide"], ["kept"]),
            helper.make_node("ReduceSum", ["kept", "middle"], ["sum"], keepdims=0),
            helper.make_node("ReduceSum", ["wide", "middle"], ["count"], keepdims=0),
            helper.make_node("Div", ["sum", "count"], ["logits"]),
        ],
        "mean of rows",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "length"])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2])],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([2]), "last"),
            numpy_helper.from_array(np.array([1]), "middle"),
        ],
    )
    save(graph, folder / "model.onnx")
    tokenizer_file(folder)
    return folder


def onnx_texts(path: Path) -> Path:
    """Texts in, several outputs out, as skl2onnx writes pipelines: does a text name the river?"""
    graph = helper.make_graph(
        [
            helper.make_node("RegexFullMatch", ["text"], ["is"], pattern="(?s).*river.*"),
            helper.make_node("Cast", ["is"], ["score"], to=TensorProto.FLOAT),
            helper.make_node("Neg", ["score"], ["minus"]),
        ],
        "river",
        [helper.make_tensor_value_info("text", TensorProto.STRING, ["n", 1])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 1]) for n in ("score", "minus")],
    )
    save(graph, path)
    return path


def save(graph: onnx.GraphProto, path: Path) -> None:
    opset = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    onnx.save(model, str(path))
