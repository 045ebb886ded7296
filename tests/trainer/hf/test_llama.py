"""Equal to Hugging Face's Llama, Qwen 3 and Arcee in logits, loss, gradients, bytes and text.

The weights are random: what is compared is arithmetic and names, not quality.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from trainer_runs import SMALL

from pipeline.store.errors import SettingError
from trainer.eval.generate import Sampling, generate
from trainer.hf.export import export_run
from trainer.hf.folder import FORMATS, load_parts, save_parts, to_hf
from trainer.hf.format import SpecialTokens
from trainer.loop.train import train
from trainer.models.gpt import GPT
from trainer.models.parts import Parts
from trainer.objectives.causal import Causal
from trainer.run.run import load_run
from trainer.settings.model import ModelSettings

VOCAB, LENGTH = 99, 24
SHAPE = {
    "vocab_size": VOCAB, "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 48, "max_position_embeddings": LENGTH,
    "bos_token_id": 0, "eos_token_id": 0,
}  # fmt: skip
SLIDING = {"head_dim": 16, "use_sliding_window": True, "sliding_window": 5}
EVERY = ["full_attention", "sliding_attention", "sliding_attention"] * 2
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", {"rope_parameters": {"rope_theta": 500.0, "rope_type": "default"}}),
    "llama-tied": ("Llama", {"tie_word_embeddings": True, "num_key_value_heads": 4}),
    "qwen3": ("Qwen3", {"head_dim": 8}),
    "qwen3-sliding": ("Qwen3", SLIDING | {"layer_types": EVERY[:4]}),
    "qwen3-all-sliding": ("Qwen3", SLIDING | {"max_window_layers": 0}),
    "arcee": ("Arcee", {}),
}


@pytest.fixture(scope="module", params=list(MODELS))
def theirs(request: pytest.FixtureRequest, tmp_path_factory: Any) -> tuple[Path, Any]:
    transformers = pytest.importorskip("transformers", reason="pip install transformers")
    name, more = MODELS[request.param]
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**SHAPE | more)
    model = getattr(transformers, f"{name}ForCausalLM")(config).eval()
    for parameter in model.parameters():  # norms too, which start at 1
        nn.init.normal_(parameter, 0.05, 0.15)
    folder = tmp_path_factory.mktemp(request.param)
    model.save_pretrained(folder)
    return folder, model


def ids(*shape: int) -> Tensor:
    return torch.randint(0, VOCAB, shape, generator=torch.Generator().manual_seed(3))


def test_logits_are_equal(theirs: tuple[Path, Any]) -> None:
    model = load_parts(theirs[0]).model
    with torch.no_grad():
        mine, want = model.logits(model(ids(4, LENGTH))), theirs[1](ids(4, LENGTH)).logits
    torch.testing.assert_close(mine, want, atol=1e-5, rtol=1e-5)


def test_losses_and_gradients_are_equal(theirs: tuple[Path, Any]) -> None:
    parts = load_parts(theirs[0])
    objective = Causal(parts.model)
    batch = objective.prepare(ids(4, LENGTH).int())
    loss = objective(batch)["loss"] / objective.counts(batch)["loss"]
    want = theirs[1](ids(4, LENGTH), labels=ids(4, LENGTH)).loss
    torch.testing.assert_close(loss, want, atol=1e-5, rtol=1e-5)
    theirs[1].zero_grad()
    want.backward()
    loss.backward()
    with torch.no_grad():
        for parameter in parts.parameters():
            assert parameter.grad is not None
            parameter.copy_(parameter.grad)
    gradients, named = to_hf(parts), dict(theirs[1].named_parameters())
    assert gradients.keys() == named.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, named[name].grad, atol=1e-5, rtol=1e-4, msg=name)


def test_round_trip_is_byte_identical(theirs: tuple[Path, Any], tmp_path: Path) -> None:
    save_parts(load_parts(theirs[0]), tmp_path, None, None, "card")
    written = (tmp_path / "model.safetensors").read_bytes()
    assert written == (theirs[0] / "model.safetensors").read_bytes()
    opened = type(theirs[1]).from_pretrained(tmp_path).eval()
    with torch.no_grad():
        torch.testing.assert_close(
            opened(ids(2, LENGTH)).logits, theirs[1](ids(2, LENGTH)).logits, atol=0, rtol=0
        )


def continued(model: GPT, prompt: Tensor, count: int) -> list[list[int]]:
    """Greedy tokens behind each prompt."""
    made: list[list[int]] = [[] for _ in prompt]
    for column in generate(model, prompt.tolist(), count, Sampling(temperature=0)):
        for row, token in column.items():
            made[row].append(token)
    return made


def continued_there(model: Any, prompt: Tensor, count: int) -> list[list[int]]:
    made = model.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=count,
        min_new_tokens=count, do_sample=False, eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    tokens: list[list[int]] = made[:, prompt.shape[1] :].tolist()
    return tokens


def test_greedy_text_is_equal_token_for_token(theirs: tuple[Path, Any]) -> None:
    prompt = ids(3, 5)
    mine = continued(load_parts(theirs[0]).model, prompt, LENGTH - 5)
    assert mine == continued_there(theirs[1], prompt, LENGTH - 5)


def test_a_run_of_the_recipe_is_exported_and_goes_on_there(tokens: Path, tmp_path: Path) -> None:
    """Shared heads of keys and a window that bites, trained by Muon."""
    transformers = pytest.importorskip("transformers", reason="pip install transformers")
    shape = {"model.band": 8, "model.kv_heads": 1, "model.inner": 96}
    shape |= {"train.steps": 3, "schedule.warmup": 1, "eval.every": 0}
    settings = [f"{k}={v}" for k, v in (SMALL | shape).items()]
    run = tmp_path / "run"
    train("gpt-modern-tiny", str(tokens), settings, str(run), "new")
    export_run(str(run), str(tmp_path / "out"), None, print)
    opened = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval()
    assert type(opened).__name__ == "Qwen3ForCausalLM"
    model, prompt = load_run(str(run), torch.device("cpu"), None, print).objective.model, ids(2, 20)
    assert continued(model, prompt, 30) == continued_there(opened, prompt, 30)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"norm": "layer"}, "norm"),
        ({"gated": False}, "activation"),
        ({"qk_norm": False, "attention": "sliding"}, "attention"),
        ({"document_mask": True}, "document_mask"),
    ],
)
def test_what_no_class_can_be_is_refused(changed: dict[str, Any], named: str) -> None:
    shape = {"layers": 2, "width": 16, "heads": 2, "vocab": 10}
    modern = {"positions": "rope", "norm": "rms", "bias": False, "qk_norm": True, "gated": True}
    settings = ModelSettings.checked(shape | modern | {"activation": "silu"} | changed, "test")
    with pytest.raises(SettingError, match=named):
        FORMATS["llama"].config(Parts("llama", GPT(settings)), SpecialTokens())
