"""Checkpoints of others: read as what they are, or refused in one line."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pipeline.store.errors import WebtextError
from trainer.hf.folder import load_parts, save_parts
from trainer.models.gpt import GPT
from trainer.models.layout import BatchLayout
from trainer.models.parts import Parts
from trainer.settings.model import ModelSettings

VOCAB, LENGTH = 99, 24
GPT2 = {"n_layer": 2, "n_embd": 32, "n_head": 4, "n_positions": LENGTH, "vocab_size": VOCAB,
        "bos_token_id": 0, "eos_token_id": 0}  # fmt: skip
SHAPE = {"vocab_size": VOCAB, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
         "intermediate_size": 48, "max_position_embeddings": LENGTH}  # fmt: skip
LLAMA = SHAPE | {"num_key_value_heads": 2, "bos_token_id": 0, "eos_token_id": 0}
NARROW = SHAPE | {"embedding_size": 16}
MODERN = SHAPE | {"pad_token_id": 0, "attn_implementation": "sdpa", "local_attention": 7}
WORD, WORDS = "transformer.wte.weight", "model.safetensors.index.json"

#: Class of transformers, its config, and the field that makes it no model of ours, if any.
MODELS: list[tuple[str, dict[str, Any], str]] = [
    ("GPT2LMHeadModel", GPT2 | {"tie_word_embeddings": False}, ""),
    ("GPT2LMHeadModel", GPT2 | {"layer_norm_epsilon": 1e-2}, ""),
    ("GPT2LMHeadModel", GPT2 | {"activation_function": "swish"}, ""),
    ("GPT2LMHeadModel", GPT2 | {"activation_function": "gelu", "n_inner": 40}, ""),
    ("GPT2Model", GPT2, ""),
    ("GPT2LMHeadModel", GPT2 | {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse"),
    ("GPT2LMHeadModel", GPT2 | {"scale_attn_weights": False}, "scale_attn_weights = False"),
    ("GPT2LMHeadModel", GPT2 | {"activation_function": "relu"}, "activation_function = 'relu'"),
    ("GPT2DoubleHeadsModel", GPT2 | {"num_labels": 1}, "GPT2DoubleHeadsModel"),
    ("BertForMaskedLM", SHAPE | {"type_vocab_size": 5, "layer_norm_eps": 1e-2}, ""),
    ("BertForPreTraining", SHAPE | {"hidden_act": "gelu_new"}, ""),
    ("BertForPreTraining", SHAPE | {"tie_word_embeddings": False}, "tie_word_embeddings = False"),
    ("BertLMHeadModel", SHAPE | {"is_decoder": True}, "BertLMHeadModel"),
    ("AlbertForPreTraining", NARROW | {"hidden_act": "gelu", "num_hidden_groups": 2}, ""),
    ("AlbertForMaskedLM", NARROW, ""),
    ("ElectraForMaskedLM", NARROW | {"hidden_act": "gelu_new", "layer_norm_eps": 1e-2}, ""),
    ("ElectraForTokenClassification", NARROW, "ElectraForTokenClassification"),
    ("ModernBertForMaskedLM", MODERN, ""),
    ("ModernBertForMaskedLM", MODERN | {"classifier_activation": "silu"}, "classifier_activation"),
    ("ModernBertForMaskedLM", MODERN | {"decoder_bias": False}, "decoder_bias = False"),
    ("LlamaForCausalLM", LLAMA | {"num_key_value_heads": 1, "head_dim": 16}, ""),
    ("LlamaForCausalLM", LLAMA | {"attention_bias": True}, "attention_bias = True"),
    ("LlamaForCausalLM",
     LLAMA | {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}},
     "rope_parameters"),
    ("LlamaForCausalLM",
     LLAMA | {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4,
                                  "partial_rotary_factor": 0.5}}, "rope_parameters"),
    ("Qwen3ForCausalLM",
     LLAMA | {"head_dim": 8, "use_sliding_window": True, "sliding_window": 5,
              "layer_types": ["sliding_attention", "full_attention"]}, "layer_types"),
    ("Qwen2ForCausalLM", LLAMA, "model_type = 'qwen2'"),
]  # fmt: skip


def logits_of(parts: Parts[Any], ids: Tensor) -> Tensor:
    """What the class of transformers calls its logits, or its states where it has no head."""
    if isinstance(parts.model, GPT):
        hidden = parts.model(ids)
        return parts.model.logits(hidden)
    hidden = parts.model(ids, torch.zeros_like(ids), BatchLayout.of(ids >= 0, unpad=False))
    assert parts.masked is not None
    return parts.masked(hidden, parts.model.embeddings)[..., :VOCAB]


@pytest.mark.parametrize(("kind", "config", "refused"), MODELS)
def test_a_model_of_theirs_is_equal_or_refused(
    kind: str, config: dict[str, Any], refused: str, tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers", reason="pip install transformers")
    torch.manual_seed(0)
    theirs = getattr(transformers, kind)
    model = theirs(theirs.config_class(**config)).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, 0.05, 0.15)
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    assert (tmp_path / WORDS).exists()
    if refused:
        with pytest.raises(WebtextError, match=refused):
            load_parts(tmp_path)
        return
    ids = torch.randint(1, VOCAB, (3, LENGTH))
    with torch.no_grad():
        outputs = model(ids)
        if kind == "GPT2Model":
            mine, want = load_parts(tmp_path).model(ids), outputs.last_hidden_state
        else:
            mine = logits_of(load_parts(tmp_path), ids)
            want = outputs["logits" if "logits" in outputs else "prediction_logits"]
    torch.testing.assert_close(mine, want, atol=1e-4, rtol=1e-5)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small GPT-2."""
    model = GPT(ModelSettings(layers=2, width=32, heads=4, context=LENGTH, vocab=VOCAB))
    model.init_weights(5)
    folder = tmp_path_factory.mktemp("saved")
    save_parts(Parts("gpt2", model), folder, None, None, "card")
    return folder


Change = Callable[[Path], None]


def config(**changed: Any) -> Change:
    def change(folder: Path) -> None:
        values = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(values | changed))

    return change


def weights(changed: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> Change:
    def change(folder: Path) -> None:
        file = folder / "model.safetensors"
        save_file({n: t.contiguous() for n, t in changed(load_file(file)).items()}, file)

    return change


def text(name: str, written: str) -> Change:
    def change(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / "part.safetensors")
        (folder / name).write_text(written)

    return change


def index(**named: Any) -> Change:
    return text(WORDS, json.dumps({"weight_map": named}))


def header(length: int, **tensor: Any) -> Change:
    said = json.dumps({WORD: {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]} | tensor})

    def change(folder: Path) -> None:
        raw = struct.pack("<Q", length or len(said)) + said.encode() + bytes(16)
        (folder / "model.safetensors").write_bytes(raw)

    return change


def pickled(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def in_two_files(folder: Path) -> None:
    first = load_file(folder / "model.safetensors")
    index(**dict.fromkeys(first, "part.safetensors") | {WORD: "other.safetensors"})(folder)
    save_file({WORD: first[WORD] + 1}, folder / "other.safetensors")


NORM = "transformer.ln_f.bias"
REFUSED: dict[str, tuple[Change, str]] = {
    "layers beyond memory": (config(n_layer=10**9), "n_layer = 1000000000"),
    "width beyond memory": (config(n_embd=10**9), "width = 1000000000"),
    "vocabulary beyond memory": (config(vocab_size=1 << 24), r"\(16777216, 32\)"),
    "text for a number": (config(n_layer="2"), "n_layer = '2'"),
    "a list for a name": (config(activation_function=["gelu"]), "activation_function"),
    "an object for a list": (config(architectures={"a": 1}), "architectures"),
    "a number for an object": (config(n_inner={}), "config.json"),
    "an unknown field": (config(logit_scale=2.0), "logit_scale = 2.0 is not known here"),
    "a deep config": (text("config.json", '{"a":' * 50_000), "nested too deeply"),
    "no head": (config(tie_word_embeddings=False), "lm_head.weight is missing"),
    "a missing tensor": (weights(lambda w: {n: w[n] for n in w if n != NORM}), "is missing"),
    "a surplus tensor": (weights(lambda w: w | {"more": torch.ones(1)}), "has no counterpart"),
    "a second name": (weights(lambda w: w | {"ln_f.bias": torch.ones(32)}), "under two names"),
    "another shape": (weights(lambda w: w | {NORM: torch.ones(31)}), r"shape \(31,\)"),
    "whole numbers": (weights(lambda w: w | {NORM: torch.ones(32).char()}), "int8; quantised"),
    "an untied copy": (weights(lambda w: w | {"lm_head.weight": w[WORD] + 1}), "is not transf"),
    "pickled weights": (pickled, "pickled weights are not read: save them anew"),
    "a file above": (index(a="../part.safetensors"), "no safetensors file of the folder"),
    "the folder above": (index(a=".."), "no safetensors file of the folder"),
    "a pickled shard": (index(a="part.bin"), "no safetensors file of the folder"),
    "a number for a file": (index(a=5), "no safetensors file of the folder"),
    "a tensor in no file": (index(nowhere="part.safetensors"), "nowhere is in none of the files"),
    "a tensor in two files": (in_two_files, "is in two files"),
    "an empty index": (index(), "has no weight_map"),
    "a deep index": (text(WORDS, "[" * 100_000), "nested too deeply"),
    "a long header": (header(1 << 62), "header too large"),
    "a tensor beyond the file": (header(0, shape=[10**6, 10**6]), "holds no weights"),
    "a negative shape": (header(0, shape=[-2, -2]), "holds no weights"),
    "an unknown kind": (header(0, dtype="F99"), "holds no weights"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_wrong_folder_is_refused_in_one_line(what: str, saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(saved, folder)
    change, said = REFUSED[what]
    change(folder)
    with pytest.raises(WebtextError, match=said) as refusal:
        load_parts(folder)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64])
def test_other_kinds_of_float_are_read(saved: Path, tmp_path: Path, kind: torch.dtype) -> None:
    folder = tmp_path / "model"
    shutil.copytree(saved, folder)
    weights(lambda w: {name: tensor.to(kind) for name, tensor in w.items()})(folder)
    mine, want = (load_parts(one).model.tokens.weight for one in (folder, saved))
    assert torch.equal(mine[:VOCAB], want[:VOCAB].to(kind).float())
    assert not mine[VOCAB:].any()


def test_the_copy_of_a_tied_weight_is_enough(saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(saved, folder)
    weights(lambda w: {"lm_head.weight" if n == WORD else n: w[n] for n in w})(folder)
    mine, want = (load_parts(one).model.tokens.weight for one in (folder, saved))
    assert torch.equal(mine, want)
