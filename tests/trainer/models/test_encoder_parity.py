"""Equal to Hugging Face's encoders in logits, losses, gradients and bytes.

The weights are random: what is compared is arithmetic and names, not quality.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.store.errors import SettingError, WebtextError
from trainer.hf.folder import FORMATS, load_parts, save_parts, to_hf
from trainer.hf.format import SpecialTokens
from trainer.models.encoder import Encoder
from trainer.models.layout import BatchLayout
from trainer.models.parts import Parts
from trainer.objectives.encoding import pair_loss

VOCAB, LENGTH = 99, 24
SHAPE = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": LENGTH,
    "initializer_range": 0.2,
}
NARROW = {"embedding_size": 16}
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bert": ("BertConfig", "BertForPreTraining", {}),
    "albert": ("AlbertConfig", "AlbertForPreTraining", NARROW),
    "albert-groups": (
        "AlbertConfig",
        "AlbertForPreTraining",
        NARROW | {"num_hidden_groups": 2, "inner_group_num": 2},
    ),
    "electra-small": ("ElectraConfig", "ElectraForPreTraining", NARROW),
    "electra-base": ("ElectraConfig", "ElectraForPreTraining", {"embedding_size": 32}),
    "electra-generator": ("ElectraConfig", "ElectraForMaskedLM", NARROW),
    "distilbert": (
        "DistilBertConfig",
        "DistilBertForMaskedLM",
        {"hidden_dim": 48, "intermediate_size": None},
    ),
    "modernbert": (
        "ModernBertConfig",
        "ModernBertForMaskedLM",
        {"local_attention": 6, "pad_token_id": 0, "attn_implementation": "sdpa"},
    ),
}


@pytest.fixture(scope="module", params=list(MODELS))
def theirs(request: pytest.FixtureRequest, tmp_path_factory: Any) -> tuple[Path, Any]:
    transformers = pytest.importorskip("transformers", reason="pip install transformers")
    config, model, more = MODELS[request.param]
    torch.manual_seed(0)
    made = getattr(transformers, model)(getattr(transformers, config)(**(SHAPE | more))).eval()
    for parameter in made.parameters():  # biases and norms too, which start at 0 and 1
        nn.init.normal_(parameter, 0.05, 0.15)
    folder = tmp_path_factory.mktemp(request.param)
    made.save_pretrained(folder)
    return folder, made


def example() -> tuple[Tensor, Tensor, Tensor]:
    """Ids without the padding token, types, and which positions are real."""
    generator = torch.Generator().manual_seed(3)
    ids = torch.randint(1, VOCAB, (5, LENGTH), generator=generator)
    mask = torch.arange(LENGTH) < torch.tensor([[LENGTH], [7], [15], [2], [LENGTH]])
    types = (torch.arange(LENGTH) >= 6).long().expand_as(ids)
    return ids, types, mask


def named(model: Any, ids: Tensor, types: Tensor, **more: Any) -> dict[str, Any]:
    """What a class of theirs is called with: some know no segments."""
    knows = model.config.model_type not in ("modernbert", "distilbert")
    return {"input_ids": ids} | ({"token_type_ids": types} if knows else {}) | more


def ours(parts: Parts[Encoder], unpad: bool) -> dict[str, Tensor]:
    ids, types, mask = example()
    hidden = parts.model(ids, types, BatchLayout.of(mask, unpad))
    logits = {}
    if parts.masked is not None:
        said = parts.masked(hidden, parts.model.embeddings)[..., :VOCAB]
        logits["logits" if parts.pair is None else "prediction_logits"] = said
    if parts.pair is not None:
        name = "sop_logits" if parts.kind == "albert" else "seq_relationship_logits"
        logits[name] = parts.pair(hidden)
    if parts.replaced is not None:
        logits["logits"] = parts.replaced(hidden)
    return logits


@pytest.mark.parametrize("unpad", [False, True])
def test_logits_are_equal(theirs: tuple[Path, Any], unpad: bool) -> None:
    ids, types, mask = example()
    with torch.no_grad():
        want = theirs[1](**named(theirs[1], ids, types, attention_mask=mask.long()))
        mine = ours(load_parts(theirs[0]), unpad)
    for name, logits in mine.items():
        real = mask if logits.shape[:2] == mask.shape else slice(None)
        torch.testing.assert_close(logits[real], want[name][real], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("unpad", [False, True])
def test_losses_and_gradients_are_equal(theirs: tuple[Path, Any], unpad: bool) -> None:
    ids, types, mask = example()
    parts = load_parts(theirs[0])
    logits = ours(parts, unpad)
    chosen = mask & (torch.arange(LENGTH) % 3 == 1)
    labels = ids.masked_fill(~chosen, -100)
    fake = chosen.long()
    pairs = torch.tensor([0, 1, 1, 0, 1])
    said = named(theirs[1], ids, types, attention_mask=mask.long())
    if parts.replaced is not None:
        said["labels"] = fake
        loss = functional.binary_cross_entropy_with_logits(
            logits["logits"][mask], fake[mask].float()
        )
    else:
        said["labels"] = labels
        name = "logits" if parts.pair is None else "prediction_logits"
        loss = functional.cross_entropy(logits[name][chosen], ids[chosen])
    if parts.pair is not None:
        asked = "sentence_order_label" if parts.kind == "albert" else "next_sentence_label"
        said[asked] = pairs
        (name,) = logits.keys() - {"prediction_logits"}
        loss = loss + pair_loss(logits[name], pairs) / len(pairs)
    theirs[1].zero_grad()
    want = theirs[1](**said).loss
    want.backward()
    loss.backward()
    torch.testing.assert_close(loss, want, atol=1e-4, rtol=1e-5)
    with torch.no_grad():
        for parameter in parts.parameters():
            parameter.copy_(parameter.grad if parameter.grad is not None else 0 * parameter)
    gradients = to_hf(parts)
    weights = dict(theirs[1].named_parameters())
    assert gradients.keys() == weights.keys()
    for name, gradient in gradients.items():
        given = weights[name].grad
        wanted = given if given is not None else torch.zeros_like(gradient)
        torch.testing.assert_close(gradient, wanted, atol=1e-4, rtol=1e-4, msg=name)


def test_round_trip_is_byte_identical(theirs: tuple[Path, Any], tmp_path: Path) -> None:
    save_parts(load_parts(theirs[0]), tmp_path, None, None, "card")
    written = (tmp_path / "model.safetensors").read_bytes()
    assert written == (theirs[0] / "model.safetensors").read_bytes()


def test_their_classes_open_the_export(theirs: tuple[Path, Any], tmp_path: Path) -> None:
    save_parts(load_parts(theirs[0]), tmp_path, None, None, "card")
    opened = type(theirs[1]).from_pretrained(tmp_path).eval()
    ids, types, _ = example()
    with torch.no_grad():
        mine, want = (model(**named(model, ids, types)) for model in (opened, theirs[1]))
    for name in want:
        torch.testing.assert_close(mine[name], want[name], atol=0, rtol=0)


def test_shared_layers_are_held_once(theirs: tuple[Path, Any]) -> None:
    parts = load_parts(theirs[0])
    settings = parts.model.settings
    assert len(parts.model.blocks) == settings.group_count * settings.inner_layers
    assert len(list(parts.model.run())) == settings.layers * settings.inner_layers
    assert sum(p.numel() for p in theirs[1].parameters()) == sum(
        t.numel() for t in to_hf(parts).values()
    )


def test_what_their_classes_cannot_be_is_said(theirs: tuple[Path, Any]) -> None:
    parts = load_parts(theirs[0])
    changed = {"groups": 1, "layers": 4, "inner_layers": 1}
    parts.model.settings = parts.model.settings.model_copy(update=changed)
    if parts.kind == "albert":
        assert FORMATS[parts.kind].config(parts, SpecialTokens())["num_hidden_groups"] == 1
    else:
        with pytest.raises(SettingError, match=r"no shared layers|no such model\.groups"):
            FORMATS[parts.kind].config(parts, SpecialTokens())


def test_a_folder_without_weights_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match="holds no model"):
        load_parts(tmp_path)
