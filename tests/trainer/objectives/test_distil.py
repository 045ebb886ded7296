"""DistilBERT's losses against PyTorch's functionals and transformers' modules, and its student."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from beside import losses_beside
from distillation import CPU, export_teacher, student_of
from torch import Tensor, nn
from torch.nn import functional

from pipeline.store.errors import SettingError
from trainer.data.vocabulary import Vocabulary
from trainer.hf.folder import load_parts, save_parts, to_hf
from trainer.models.parts import Parts
from trainer.objectives.base import Objective
from trainer.objectives.distil import Distil
from trainer.objectives.masked import Masker
from trainer.objectives.soft_targets import direction_loss, soft_target_loss
from trainer.objectives.teacher import even_layers
from trainer.settings.objective import MaskSettings

STEPS, BATCH = 12, 8


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, encoder_tokens: Path) -> Path:
    return export_teacher(tmp_path_factory.mktemp("teacher"), encoder_tokens)


@pytest.mark.parametrize(
    ("teacher_layers", "student_layers", "wanted"),
    [(12, 6, (0, 2, 4, 7, 9, 11)), (12, 4, (0, 4, 7, 11)), (3, 2, (0, 2)), (4, 4, (0, 1, 2, 3)),
     (6, 1, (0,))],
)  # fmt: skip
def test_layers_are_spread_as_the_release_has_them(
    teacher_layers: int, student_layers: int, wanted: tuple[int, ...]
) -> None:
    assert even_layers(teacher_layers, student_layers) == wanted


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_soft_targets_are_the_mean_over_places_that_count(temperature: float) -> None:
    torch.manual_seed(0)
    student, teacher = torch.randn(2, 7, 11).unbind()
    counted = torch.arange(7) % 3 > 0
    divergence = nn.KLDivLoss(reduction="batchmean")(
        (student[counted] / temperature).log_softmax(-1),
        (teacher[counted] / temperature).softmax(-1),
    )
    mine = soft_target_loss(student, teacher, counted, temperature) / counted.sum()
    torch.testing.assert_close(mine, divergence * temperature**2)


def test_directions_leave_padding_out() -> None:
    torch.manual_seed(0)
    student, teacher = torch.randn(2, 7, 5).unbind()
    counted = torch.arange(7) < 4
    student[~counted] = teacher[~counted] = 0.0
    want = nn.CosineEmbeddingLoss()(student[:4], teacher[:4], torch.ones(4))
    torch.testing.assert_close(direction_loss(student, teacher, counted) / 4, want)


def test_a_student_with_all_layers_is_its_teacher(teacher: Path, encoder_tokens: Path) -> None:
    """The segment that the teacher adds to each token is in the student's positions."""
    student, batch = student_of(teacher, encoder_tokens, "model.layers=4")
    terms, counts = student(batch), student.counts(batch)
    assert counts["soft"] == counts["cosine"] == batch["mask"].sum() > counts["mlm"] > 0
    for name in ("soft", "cosine"):
        assert abs(terms[name].item()) / counts[name].item() < 1e-5


class Theirs(nn.Module):
    """The release's step of transformers' modules: selected places, `batchmean`, mean cosine."""

    def __init__(self, transformers: Any, ours: Distil, teacher: Path) -> None:
        super().__init__()
        settings = ours.model.settings
        config = transformers.DistilBertConfig(
            vocab_size=settings.vocab, dim=settings.width, n_layers=settings.layers,
            n_heads=settings.heads, hidden_dim=settings.inner_width, dropout=0.0,
            max_position_embeddings=settings.context, attention_dropout=0.0, pad_token_id=None,
        )  # fmt: skip
        self.student = transformers.DistilBertForMaskedLM(config)
        named = to_hf(Parts("distilbert", ours.model, masked=ours.masked))
        self.student.load_state_dict(named, strict=False)
        self.student.tie_weights()
        self.student.distilbert.embeddings.position_embeddings.weight.requires_grad_(False)
        kind = transformers.BertForMaskedLM
        self.teacher = [kind.from_pretrained(teacher).eval()]  # no module of this one's

    def forward(self, batch: Any) -> Tensor:
        given = {"input_ids": batch["inputs"], "attention_mask": batch["mask"].long(),
                 "output_hidden_states": True}  # fmt: skip
        mine = self.student(**given)
        with torch.no_grad():
            wanted = self.teacher[0](**given)
        real = batch["mask"]
        soft = nn.KLDivLoss(reduction="batchmean")(
            (mine.logits[real] / 2).log_softmax(-1), (wanted.logits[real] / 2).softmax(-1)
        )
        row = torch.arange(len(real))[:, None].expand_as(batch["places"])[batch["used"]]
        masked = mine.logits[row, batch["places"][batch["used"]]]
        mlm = functional.cross_entropy(masked, batch["targets"][batch["used"]])
        student, teacher = mine.hidden_states[-1][real], wanted.hidden_states[-1][real]
        cosine = nn.CosineEmbeddingLoss()(student, teacher, torch.ones(len(student)))
        total: Tensor = 5 * soft * 4 + 2 * mlm + cosine
        return total


def test_steps_are_those_of_transformers_modules(teacher: Path, encoder_tokens: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="pip install transformers")
    ours, _ = student_of(teacher, encoder_tokens, "train.loss_chunk=100")
    theirs = Theirs(transformers, ours, teacher)
    batches = (ours.batch_of(step * BATCH, BATCH) for step in range(STEPS))
    losses = losses_beside(ours, theirs, batches)
    assert max(abs(a - b) / b for a, b in losses) < 1e-3
    assert losses[-1][0] < losses[0][0]


def test_the_teacher_is_frozen_and_no_part_of_the_student(
    teacher: Path, encoder_tokens: Path
) -> None:
    student, batch = student_of(teacher, encoder_tokens, "model.dropout=0.3")
    assert student.teacher is not None
    theirs = list(student.teacher.parts.parameters())
    before = [p.clone() for p in theirs]
    student.train()
    torch.stack(list(student(batch).values())).sum().backward()
    assert not any(p.requires_grad or p.grad is not None for p in theirs)
    assert set(map(id, theirs)).isdisjoint(map(id, student.parameters()))
    layout = student.model.layout(batch["mask"])
    twice = [student.teacher.states(batch["ids"], batch["types"], layout) for _ in range(2)]
    assert torch.equal(*twice)  # whatever the student drops
    assert all(torch.equal(a, b) for a, b in zip(before, theirs, strict=True))
    frozen = [name for name, p in student.named_parameters() if not p.requires_grad]
    assert frozen == ["model.embeddings.positions.weight"]


@pytest.mark.parametrize("chunk", [0, 7])
@pytest.mark.parametrize("where", ["all", "masked"])
def test_chunks_change_nothing(teacher: Path, encoder_tokens: Path, where: str, chunk: int) -> None:
    settings = (f'distil.soft_at="{where}"', f"train.loss_chunk={chunk}")
    student, batch = student_of(teacher, encoder_tokens, *settings)
    loss = student(batch)["soft"]
    loss.backward()
    with torch.no_grad():
        hidden = student.states(batch)
        layout = student.model.layout(batch["mask"])
        wanted = student.teacher.states(batch["inputs"], batch["types"], layout)
        logits = student.masked(hidden, student.model.embeddings)[..., : student.masked.vocab]
        theirs = student.teacher.logits(wanted)[..., : student.masked.vocab]
        counted = batch["mask"]
        if where == "masked":
            counted = torch.zeros_like(counted).scatter(1, batch["places"], batch["used"])
        want = soft_target_loss(logits.flatten(0, 1), theirs.flatten(0, 1), counted.flatten(), 2.0)
    torch.testing.assert_close(loss, want, rtol=1e-4, atol=1e-4)
    assert student.counts(batch)["soft"] == counted.sum()
    assert student.model.blocks[0].up.weight.grad.abs().sum() > 0


def test_the_honest_baseline_is_the_same_student_without_a_teacher(
    teacher: Path, encoder_tokens: Path
) -> None:
    alone, batch = student_of(teacher, encoder_tokens, "distil.soft=0", "distil.cosine=0")
    taught, same = student_of(teacher, encoder_tokens)
    assert list(alone.weights) == ["mlm"]
    assert torch.equal(batch["inputs"], same["inputs"])
    torch.testing.assert_close(alone(batch)["mlm"], taught(same)["mlm"])


def test_rare_tokens_are_masked_more_often() -> None:
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "rare", "usual"]
    from tokenizers import Tokenizer, models

    vocabulary = Vocabulary.of(Tokenizer(models.WordLevel({t: n for n, t in enumerate(tokens)})))
    masker = Masker(MaskSettings(rate=0.25), vocabulary, 64, 1)
    counts = np.array([0, 0, 0, 0, 0, 10, 1000])
    masker.weigh(counts, 0.7)
    ids = torch.tensor([[2, *([5, 6] * 31), 3]]).expand(400, -1)
    masked = masker(ids, torch.full((400,), 64), torch.arange(400))
    rare = (masked.targets == 5)[masked.used].double().mean().item()
    # One draw alone would take the rare one in 0.96 of the cases; without replacement it is less.
    weights = counts[5:] ** -0.7
    first = (masked.targets[:, 0] == 5).double().mean().item()
    assert first == pytest.approx(weights[0] / weights.sum(), abs=0.03)
    assert 0.85 < rare < first
    assert not {0, 2, 3} & set(masked.targets[masked.used].tolist())


def test_masks_by_frequency_need_single_tokens() -> None:
    settings = MaskSettings(ngrams=3)
    from tokenizers import Tokenizer, models

    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = Vocabulary.of(Tokenizer(models.WordLevel({t: n for n, t in enumerate(names)})))
    with pytest.raises(SettingError, match=r"distil\.smoothing=0"):
        Masker(settings, vocabulary, 64, 1).weigh(np.ones(5, np.int64), 0.7)


@pytest.mark.parametrize(
    ("settings", "message"),
    [(["model.width=48"], "model.width is 48, the teacher's 32"),
     (["model.context=64"], "the teacher reads 32 tokens"),
     (["model.inner=64"], "model.inner is 64, the teacher's 128"),
     (["distil.layers=[0, 9]"], r"distil.layers = \[0, 9\]: the student has 2 layers")],
)  # fmt: skip
def test_a_teacher_that_does_not_fit_is_said(
    teacher: Path, encoder_tokens: Path, settings: list[str], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        student_of(teacher, encoder_tokens, *settings)


def test_the_export_is_a_distilbert(teacher: Path, encoder_tokens: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="pip install transformers")
    student, batch = student_of(teacher, encoder_tokens)
    assert isinstance(student, Objective)
    save_parts(student.exports()[""], tmp_path, None, None, "card")
    theirs = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path).eval()
    assert type(theirs).__name__ == "DistilBertForMaskedLM"
    with torch.no_grad():
        want = theirs(batch["ids"], attention_mask=batch["mask"].long()).logits
        parts = load_parts(tmp_path).to(CPU)
        states = parts.model(batch["ids"], batch["types"], parts.model.layout(batch["mask"]))
        mine = parts.masked(states, parts.model.embeddings)[..., : want.shape[-1]]
    torch.testing.assert_close(mine[batch["mask"]], want[batch["mask"]], rtol=1e-4, atol=1e-4)
