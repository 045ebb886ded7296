"""TinyBERT's losses against PyTorch's functionals and transformers' modules; the second path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from beside import losses_beside
from distillation import export_teacher, student_of
from torch import Tensor, nn

from pipeline.store.errors import SettingError
from trainer.hf.folder import load_parts, save_parts, to_hf
from trainer.models.attention import attend, attend_with_scores
from trainer.models.layout import BatchLayout
from trainer.models.parts import Parts
from trainer.objectives.layer_losses import layer_counts
from trainer.objectives.tinybert import TinyBert

STEPS, BATCH = 8, 8
NARROW = ("model.width=16", "tinybert.teacher_width=32")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, encoder_tokens: Path) -> Path:
    return export_teacher(tmp_path_factory.mktemp("teacher"), encoder_tokens)


def student(teacher: Path, tokens: Path, *settings: str) -> tuple[Any, Any]:
    return student_of(teacher, tokens, *settings, recipe="tinybert-tiny")


@pytest.mark.parametrize("kv_heads", [4, 2])
@pytest.mark.parametrize("rate", [0.0, 0.2])
def test_the_path_with_scores_is_sdpa(rate: float, kv_heads: int) -> None:
    torch.manual_seed(0)
    query = torch.randn(3, 4, 9, 8)
    key, value = torch.randn(2, 3, kv_heads, 9, 8).unbind()
    mask = (torch.arange(9) < torch.tensor([[9], [4], [1]]))[:, None, None, :]
    keys = torch.arange(27, dtype=torch.int32).view(3, 9)
    want = attend(query, key, value, mask, False, rate, keys if rate else None)
    mine, scores = attend_with_scores(query, key, value, mask, rate, keys)
    torch.testing.assert_close(mine, want, atol=1e-6, rtol=1e-5)
    whole = key.repeat_interleave(4 // kv_heads, dim=1)
    torch.testing.assert_close(scores, query @ whole.mT / 8**0.5, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("unpad", [False, True])
def test_what_is_observed_is_what_transformers_says(teacher: Path, unpad: bool) -> None:
    transformers = pytest.importorskip("transformers", reason="pip install transformers")
    theirs = transformers.BertModel.from_pretrained(teacher, attn_implementation="eager").eval()
    model = load_parts(teacher).model
    ids = torch.randint(5, 900, (3, 12), generator=torch.Generator().manual_seed(2))
    mask = torch.arange(12) < torch.tensor([[12], [7], [3]])
    layout = BatchLayout.of(mask, unpad)
    with torch.no_grad():
        mine = model.observe(ids, torch.zeros_like(ids), layout)
        want = theirs(ids, attention_mask=mask.long(), output_hidden_states=True,
                      output_attentions=True)  # fmt: skip
        final = model(ids, torch.zeros_like(ids), layout)
    for states, hidden in zip(mine.states, want.hidden_states, strict=True):
        torch.testing.assert_close(layout.spread(states)[mask], hidden[mask], atol=1e-4, rtol=1e-4)
    seen = mask[:, None, None, :]
    for scores, shares in zip(mine.scores, want.attentions, strict=True):
        mine_shares = scores.masked_fill(~seen, float("-inf")).softmax(-1)
        both = (x.transpose(1, 2)[mask] for x in (mine_shares, shares))  # of real queries
        torch.testing.assert_close(*both, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(mine.final[mask], final[mask], atol=1e-5, rtol=1e-5)


def test_a_student_that_is_its_teacher_has_no_loss(teacher: Path, encoder_tokens: Path) -> None:
    settings = ("model.layers=4", "tinybert.projections=none", "tinybert.teacher_width=32")
    same, batch = student(teacher, encoder_tokens, *settings)
    same.model.load_state_dict(load_parts(teacher).model.state_dict())
    assert {name: term.item() for name, term in same(batch).items()} == {
        "embedding": 0.0, "hidden": 0.0, "attention": 0.0,
    }  # fmt: skip


class Theirs(nn.Module):
    """The same step of transformers' modules, whose scores are taken before softmax by a hook."""

    def __init__(self, transformers: Any, ours: TinyBert, teacher: Path) -> None:
        super().__init__()
        settings = ours.model.settings
        config = transformers.BertConfig(
            vocab_size=settings.vocab, hidden_size=settings.width, hidden_dropout_prob=0.0,
            num_hidden_layers=settings.layers, num_attention_heads=settings.heads,
            intermediate_size=settings.inner_width, max_position_embeddings=settings.context,
            attention_probs_dropout_prob=0.0, pad_token_id=None,
        )  # fmt: skip
        self.student = transformers.BertModel(config, add_pooling_layer=False)
        named = to_hf(Parts("bert", ours.model))
        self.student.load_state_dict({n.removeprefix("bert."): t for n, t in named.items()})
        self.fit = nn.ModuleList(nn.Linear(16, 32) for _ in ours.projections.linear)
        self.fit.load_state_dict(ours.projections.linear.state_dict())
        model = transformers.BertModel.from_pretrained(teacher, add_pooling_layer=False)
        self.teacher = [model.eval()]  # no module of this one's

    def forward(self, batch: Any) -> Tensor:
        given = {"input_ids": batch["ids"], "attention_mask": batch["mask"].long()}
        states, scores = observed(self.student, given)
        with torch.no_grad():
            wanted, theirs = observed(self.teacher[0], given)
        real, pairs = batch["mask"], batch["mask"][:, :, None] & batch["mask"][:, None, :]
        loss = torch.zeros(())
        for number, (fit, mine) in enumerate(zip(self.fit, states, strict=True)):
            loss = loss + nn.functional.mse_loss(fit(mine)[real], wanted[2 * number][real])
        for number, mine in enumerate(scores):
            both = mine.transpose(1, 3), theirs[2 * number + 1].transpose(1, 3)  # heads last
            loss = loss + nn.functional.mse_loss(*(x.transpose(1, 2)[pairs] for x in both))
        return loss


def observed(model: Any, given: dict[str, Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Hidden states, and scores from the queries and keys of each layer."""
    taken: list[Tensor] = []
    hooks = [
        part.register_forward_hook(lambda _, __, out: taken.append(out))
        for layer in model.encoder.layer
        for part in (layer.attention.self.query, layer.attention.self.key)
    ]
    states = model(**given, output_hidden_states=True).hidden_states
    for hook in hooks:
        hook.remove()
    heads = model.config.num_attention_heads
    split = [x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in taken]
    scores = [q @ k.mT / q.shape[-1] ** 0.5 for q, k in zip(split[::2], split[1::2], strict=True)]
    return list(states), scores


def test_steps_are_those_of_transformers_modules(teacher: Path, encoder_tokens: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="pip install transformers")
    ours, _ = student(teacher, encoder_tokens, *NARROW)
    theirs = Theirs(transformers, ours, teacher)
    batches = (ours.batch_of(step * BATCH, BATCH) for step in range(STEPS))
    losses = losses_beside(ours, theirs, batches)
    assert max(abs(a - b) / b for a, b in losses) < 1e-3
    assert losses[-1][0] < losses[0][0]


@pytest.mark.parametrize(("kind", "count"), [("each", 3), ("shared", 1)])
def test_padding_is_not_counted(teacher: Path, encoder_tokens: Path, kind: str, count: int) -> None:
    """More padding on either side of nothing changes neither a sum nor a count."""
    short, batch = student(teacher, encoder_tokens, *NARROW, f"tinybert.projections={kind}")
    assert len(short.projections.linear) == count
    with torch.no_grad():
        terms, counts = short(batch), short.counts(batch)
        tight = {k: v for k, v in batch.items() if k != "index"}
        longest = int(batch["mask"].sum(1).max())
        for name in ("ids", "types", "mask"):
            tight[name] = tight[name][:, :longest]
        assert longest < batch["mask"].shape[1]
        for name, term in short(tight).items():
            torch.testing.assert_close(term, terms[name], rtol=1e-4, atol=1e-4)
    assert counts == short.counts(tight) == layer_counts(batch["mask"])
    lengths = batch["mask"].sum(1)
    assert counts["attention"] == (lengths * lengths).sum()


@pytest.mark.parametrize(
    ("settings", "message"),
    [(["model.heads=2"], "model.heads = 2, the teacher's 4"),
     (["model.layers=3"], "model.layers = 3 does not divide the teacher's 4"),
     (["tinybert.teacher_width=48"], "The teacher is 32 wide"),
     (["tinybert.projections=none", "tinybert.teacher_width=48"], "model.width = 32, and")],
)  # fmt: skip
def test_a_teacher_that_does_not_fit_is_said(
    teacher: Path, encoder_tokens: Path, settings: list[str], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        student(teacher, encoder_tokens, *settings)


def test_the_export_is_a_bert(teacher: Path, encoder_tokens: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="pip install transformers")
    tiny, batch = student(teacher, encoder_tokens, *NARROW)
    save_parts(tiny.exports()[""], tmp_path, None, None, "card")
    theirs = transformers.BertModel.from_pretrained(tmp_path, add_pooling_layer=False).eval()
    given = {"token_type_ids": batch["types"], "attention_mask": batch["mask"].long()}
    with torch.no_grad():
        want = theirs(batch["ids"], **given).last_hidden_state
        mine = tiny.model(batch["ids"], batch["types"], tiny.model.layout(batch["mask"]))
    torch.testing.assert_close(mine[batch["mask"]], want[batch["mask"]], atol=1e-4, rtol=1e-4)
