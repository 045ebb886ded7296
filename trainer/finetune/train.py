"""The fine-tuning loop: some epochs over a few thousand examples, on one device.

Recipe of google-research/electra `configure_finetuning.py`: AdamW without bias correction,
batch 32, 3 epochs, linear decay after a tenth of warm-up, layer-wise decay 0.8, clip 1.0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from pipeline.store.errors import SettingError
from trainer.data.order import order_key, permute
from trainer.data.seeds import seed_for
from trainer.data.vocabulary import Vocabulary
from trainer.finetune.classifier import Classifier, layer_groups
from trainer.finetune.examples import Example
from trainer.models.encoder import Encoder
from trainer.models.parts import Parts
from trainer.optim.trust import TrustRatio


@dataclass(frozen=True)
class FineTuning:
    """How it is done."""

    lr: float = 1e-4
    layer_decay: float = 0.8
    weight_decay: float = 0.01
    batch: int = 32
    epochs: int = 3
    warmup: float = 0.1
    seed: int = 1


def fine_tune(
    parts: Parts[Encoder],
    tokenizer: Tokenizer,
    examples: Sequence[Example],
    settings: FineTuning,
    device: torch.device,
    say: Callable[[str], None],
) -> tuple[Classifier, list[str]]:
    """Trains a classifier on the encoder; returns it with the labels in the order of its logits."""
    labels = sorted({example.label for example in examples})
    if len(labels) < 2:
        raise SettingError(f"All examples have the label {labels[0]!r}", "Give another --label")
    model = Classifier(parts, len(labels), settings.seed).to(device).train()
    groups = layer_groups(model, settings.lr, settings.layer_decay, settings.weight_decay)
    optimizer = TrustRatio(groups, settings.lr, (0.9, 0.999), 1e-6)
    steps = -(-len(examples) // settings.batch) * settings.epochs
    step = 0
    for epoch in range(settings.epochs):
        key = order_key("fine-tuning", settings.seed, epoch)
        order = permute(range(len(examples)), len(examples), key).tolist()
        for start in range(0, len(order), settings.batch):
            some = [examples[n] for n in order[start : start + settings.batch]]
            torch.manual_seed(seed_for(settings.seed, "dropout", step))
            logits = model(*encode(some, tokenizer, parts.model.settings.context, device))
            targets = torch.tensor([labels.index(e.label) for e in some], device=device)
            loss = functional.cross_entropy(logits, targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            factor = (1 - step / steps) * min(1.0, step / max(settings.warmup * steps, 1))
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor
            optimizer.step()
            step += 1
        say(f"epoch {epoch + 1} of {settings.epochs}: last loss {loss.item():.4f}")
    return model.eval(), labels


@torch.no_grad()
def predict(
    model: Classifier,
    tokenizer: Tokenizer,
    examples: Sequence[Example],
    labels: Sequence[str],
    device: torch.device,
) -> list[str]:
    """The likeliest label of each example."""
    said: list[str] = []
    context = model.model.settings.context
    for start in range(0, len(examples), 64):
        logits = model(*encode(examples[start : start + 64], tokenizer, context, device))
        said += [labels[n] for n in logits.argmax(1).tolist()]
    return said


def encode(
    examples: Sequence[Example], tokenizer: Tokenizer, context: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """[CLS] first [SEP] second [SEP]: ids, types, mask, all (batch, longest)."""
    vocabulary = Vocabulary.of(tokenizer)
    rows, cuts = [], []
    for example in examples:
        first = tokenizer.encode(example.first, add_special_tokens=False).ids
        second = tokenizer.encode(example.second, add_special_tokens=False).ids
        first, second = _fitted(first, second, context - 3)
        rows.append([vocabulary.cls, *first, vocabulary.sep])
        cuts.append(len(rows[-1]))
        if second:
            rows[-1] += [*second, vocabulary.sep]
    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), vocabulary.pad)
    for n, row in enumerate(rows):
        ids[n, : len(row)] = torch.tensor(row)
    position = torch.arange(longest)
    mask = position < torch.tensor([[len(row)] for row in rows])
    types = ((position >= torch.tensor(cuts)[:, None]) & mask).long()
    return ids.to(device), types.to(device), mask.to(device)


def _fitted(first: list[int], second: list[int], room: int) -> tuple[list[int], list[int]]:
    """Both within `room`: the longer one is cut at its end."""
    while len(first) + len(second) > room:
        longer = first if len(first) > len(second) else second
        longer.pop()
    return first, second


def figures(said: Sequence[str], examples: Sequence[Example]) -> dict[str, float]:
    """Accuracy, and Matthews' correlation, which is CoLA's measure (Warstadt et al. 2018).

    With more than two labels it is Gorodkin's R_K, of which Matthews' is the case of two.
    """
    truth = [example.label for example in examples]
    count, right = len(truth), sum(a == b for a, b in zip(said, truth, strict=True))
    labels = sorted({*said, *truth})
    mine = [said.count(label) for label in labels]
    theirs = [truth.count(label) for label in labels]
    covariance = right * count - sum(a * b for a, b in zip(mine, theirs, strict=True))
    spread = (count**2 - sum(a * a for a in mine)) * (count**2 - sum(b * b for b in theirs))
    return {
        "accuracy": right / count,
        "matthews": covariance / spread**0.5 if spread else 0.0,
    }
