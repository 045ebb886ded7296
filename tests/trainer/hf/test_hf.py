"""Equal to Hugging Face's GPT-2 in weights, logits, loss, gradients and greedy text.

The weights are random: what is compared is arithmetic and names, not quality.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.store.errors import SettingError, WebtextError
from trainer.eval.generate import Sampling, generate
from trainer.hf.config import Config
from trainer.hf.folder import FORMATS, fill, load_parts, save_parts, to_hf
from trainer.hf.format import SpecialTokens
from trainer.models.gpt import GPT
from trainer.models.parts import Parts
from trainer.objectives.causal import Causal
from trainer.settings.recipe import ModelSettings


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A random GPT-2 of Hugging Face's library, and the folder it saved itself to."""
    transformers = pytest.importorskip(
        "transformers", reason="parity with Hugging Face needs `pip install transformers`"
    )
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        n_layer=3, n_embd=48, n_head=4, n_positions=40, vocab_size=203, initializer_range=0.2,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    model = transformers.GPT2LMHeadModel(config).eval()
    for parameter in model.parameters():  # biases and norms too, which start at 0 and 1
        torch.nn.init.normal_(parameter, 0.1, 0.2)
    folder = tmp_path_factory.mktemp("theirs")
    model.save_pretrained(folder)
    return folder, model


def ids(*shape: int) -> torch.Tensor:
    return torch.randint(0, 203, shape, generator=torch.Generator().manual_seed(3))


def test_logits_are_equal(theirs: tuple[Path, Any]) -> None:
    model = load_parts(theirs[0]).model
    with torch.no_grad():
        mine = model.logits(model(ids(4, 40)))
        want = theirs[1](ids(4, 40)).logits
    torch.testing.assert_close(mine, want, atol=1e-4, rtol=1e-5)


def test_loss_and_gradients_are_equal(theirs: tuple[Path, Any]) -> None:
    model = load_parts(theirs[0]).model
    objective = Causal(model)
    batch = objective.prepare(ids(4, 40).int())
    count = objective.counts(batch)["loss"]
    loss = objective(batch)["loss"] / count
    want = theirs[1](ids(4, 40), labels=ids(4, 40)).loss
    torch.testing.assert_close(loss, want, atol=1e-5, rtol=1e-5)
    mine = torch.autograd.grad(loss, model.blocks[1].attention.qkv.weight)[0]
    reference = theirs[1].transformer.h[1].attn.c_attn.weight
    torch.testing.assert_close(mine.T, torch.autograd.grad(want, reference)[0])


def test_greedy_text_is_equal_token_for_token(theirs: tuple[Path, Any]) -> None:
    model, prompt = load_parts(theirs[0]).model, ids(3, 5)
    made: list[list[int]] = [[], [], []]
    for column in generate(model, prompt.tolist(), 30, Sampling(temperature=0)):
        for row, token in column.items():
            made[row].append(token)
    want = theirs[1].generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=30, min_new_tokens=30,
        do_sample=False, eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    assert made == want[:, 5:].tolist()


def tokenizer(tokens: Path) -> Path:
    return tokens.parent.parent / "tokenizers" / "gpt2" / "tokenizer.json"


def test_what_they_saved_comes_back_byte_for_byte(
    theirs: tuple[Path, Any], tokens: Path, tmp_path: Path
) -> None:
    save_parts(load_parts(theirs[0]), tmp_path, tokenizer(tokens), 0, "")
    mine, want = ((f / "model.safetensors").read_bytes() for f in (tmp_path, theirs[0]))
    assert mine == want


def test_our_export_opens_there(theirs: tuple[Path, Any], tokens: Path, tmp_path: Path) -> None:
    import transformers

    model = GPT(ModelSettings(layers=2, width=32, heads=4, context=24, vocab=1024))
    model.init_weights(5)
    save_parts(Parts("gpt2", model.eval()), tmp_path, tokenizer(tokens), 0, "card")
    opened = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        torch.testing.assert_close(
            opened(ids(2, 24)).logits, model.logits(model(ids(2, 24))), atol=1e-4, rtol=1e-5
        )
    encoder = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert encoder.decode(encoder("The old man").input_ids) == "The old man"


def small(seed: int = 5) -> Parts[GPT]:
    model = GPT(ModelSettings(layers=2, width=32, heads=4, context=24, vocab=100))
    model.init_weights(seed)
    return Parts("gpt2", model)


def test_a_round_trip_is_byte_identical(tokens: Path, tmp_path: Path) -> None:
    save_parts(small(), tmp_path / "a", tokenizer(tokens), 0, "")
    save_parts(load_parts(tmp_path / "a"), tmp_path / "b", tokenizer(tokens), 0, "")
    for name in ("model.safetensors", "config.json", "tokenizer.json", "generation_config.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_released_names_have_no_prefix_and_hold_masks(tmp_path: Path) -> None:
    weights = {n.removeprefix("transformer."): t for n, t in to_hf(small()).items()}
    weights |= {"h.0.attn.bias": torch.ones(1, 1, 24, 24), "h.0.attn.masked_bias": torch.ones(())}
    write(tmp_path, weights)
    mine, want = to_hf(load_parts(tmp_path)), to_hf(small())
    assert mine.keys() == want.keys() and all(torch.equal(mine[n], want[n]) for n in want)


def write(folder: Path, weights: dict[str, torch.Tensor], **changed: Any) -> None:
    config = FORMATS["gpt2"].config(small(), SpecialTokens()) | changed
    (folder / "config.json").write_text(json.dumps(config))
    save_file(weights, folder / "model.safetensors")


def test_unfit_weights_are_named(tmp_path: Path) -> None:
    weights = to_hf(small())
    with pytest.raises(WebtextError, match=r"transformer\.wpe\.weight has the shape \(12, 32\)"):
        fill(FORMATS["gpt2"], small(), weights | {"transformer.wpe.weight": torch.zeros(12, 32)})
    with pytest.raises(WebtextError, match="lm_feet.weight has no counterpart here"):
        fill(FORMATS["gpt2"], small(), weights | {"lm_feet.weight": torch.zeros(12, 32)})
    del weights["transformer.ln_f.bias"]
    with pytest.raises(WebtextError, match=r"transformer\.ln_f\.bias is missing"):
        fill(FORMATS["gpt2"], small(), weights)
    with pytest.raises(WebtextError, match=r"config\.json and model\.safetensors"):
        load_parts(tmp_path)
    write(tmp_path, to_hf(small()))
    whole = (tmp_path / "model.safetensors").read_bytes()
    assert load_file(tmp_path / "model.safetensors").keys() == to_hf(load_parts(tmp_path)).keys()
    (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WebtextError, match="holds no weights"):
        load_parts(tmp_path)


def test_what_has_no_counterpart_is_refused() -> None:
    banded = Parts(
        "gpt2", GPT(ModelSettings(vocab=10, layers=2, width=8, heads=2, attention="gpt3"))
    )
    with pytest.raises(SettingError, match="banded attention"):
        FORMATS["gpt2"].config(banded, SpecialTokens())
    with pytest.raises(SettingError, match="n_layer is missing"):
        FORMATS["gpt2"].settings(Config({"model_type": "gpt2"}, "config.json"))
