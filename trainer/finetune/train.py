"""The fine-tuning loop: some epochs over a few thousand examples, on one device.

Recipe of google-research/electra `configure_finetuning.py`: AdamW without bias correction,
batch 32, 3 epochs, linear decay after a tenth of warm-up, layer-wise decay 0.8, clip 1.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from trainer.data.order import order_key, permute
from trainer.data.seeds import seed_for
from trainer.finetune.encoding import Encoding, Input, encode_example
from trainer.finetune.examples import Example
from trainer.finetune.task import FineTuningTask
from trainer.models.encoder import Encoder
from trainer.models.parts import Parts
from trainer.models.task_head import TaskHead
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


#: An example with the inputs that are learned together.
Unit = tuple[Example, list[Input]]
#: Ids, segment types and mask, all (inputs, longest).
EncodedBatch = tuple[Tensor, Tensor, Tensor]
#: The loss of some units: of their batch, numbers that key dropout (inputs), and themselves.
LossOf = Callable[[EncodedBatch, Tensor, Sequence[Unit]], Tensor]


def fine_tune(
    parts: Parts[Encoder],
    tokenizer: Tokenizer,
    task: FineTuningTask,
    examples: Sequence[Example],
    settings: FineTuning,
    device: torch.device,
    say: Callable[[str], None],
) -> Parts[Encoder]:
    """Trains the encoder with a new head; returns both.  `parts` are used up."""
    model = with_task_head(parts, task, examples, settings.seed).to(device).train()
    encoding = Encoding.of(tokenizer, model.model.settings.context)
    units = list(_units(task, examples, encoding))
    groups = layer_groups(model, settings.lr, settings.layer_decay, settings.weight_decay)

    def loss_of(batch: EncodedBatch, numbers: Tensor, some: Sequence[Unit]) -> Tensor:
        scores = head_scores(model, batch, numbers)
        return task.loss(scores, [e for e, _ in some], [together for _, together in some])

    for epoch, loss in run_epochs(units, encoding, settings, groups, device, loss_of):
        say(f"epoch {epoch} of {settings.epochs}: last loss {loss:.4f}")
    return model.eval()


def run_epochs(
    units: Sequence[Unit],
    encoding: Encoding,
    settings: FineTuning,
    groups: list[dict[str, Any]],
    device: torch.device,
    loss_of: LossOf,
) -> Iterator[tuple[int, float]]:
    """Trains `groups` over the units; yields each epoch, from 1, with its last loss."""
    optimizer = TrustRatio(groups, settings.lr, (0.9, 0.999), 1e-6)
    steps = -(-len(units) // settings.batch) * settings.epochs
    step = seen = 0
    for epoch in range(settings.epochs):
        key = order_key("fine-tuning", settings.seed, epoch)
        order = permute(range(len(units)), len(units), key).tolist()
        for start in range(0, len(order), settings.batch):
            some = [units[n] for n in order[start : start + settings.batch]]
            inputs = [one for _, together in some for one in together]
            # Numbers that key the encoder's dropout, each once in the whole training.
            numbers = torch.arange(seen, seen + len(inputs), device=device)
            seen += len(inputs)
            torch.manual_seed(seed_for(settings.seed, "dropout", step))
            loss = loss_of(encoding.batch(inputs, device), numbers, some)
            _update(optimizer, loss, settings, step, steps)
            step += 1
        yield epoch + 1, loss.item()


def with_task_head(
    parts: Parts[Encoder], task: FineTuningTask, examples: Sequence[Example], seed: int
) -> Parts[Encoder]:
    """The encoder with a head for the task.

    A layer that was pre-trained in that place is taken over: the pooler of BERT and ALBERT, and
    the layer before ModernBERT's masked tokens.
    """
    settings = parts.model.settings
    head = TaskHead(settings, parts.kind, task.use, task.labels(examples))
    head.init_weights(seed)
    before: list[tuple[nn.Module | None, nn.Module | None]] = []
    if head.style.pretrained == "pair" and parts.pair is not None:
        before = [(head.dense, parts.pair.pooler)]
    if head.style.pretrained == "masked" and parts.masked is not None:
        before = [(head.dense, parts.masked.dense), (head.norm, parts.masked.norm)]
    if parts.task is not None and parts.task.dense is not None:
        before = [(head.dense, parts.task.dense), (head.norm, parts.task.norm)]
    for mine, theirs in before:
        if mine is not None and theirs is not None:
            mine.load_state_dict(theirs.state_dict())
    return Parts(parts.kind, parts.model, task=head)


def _units(task: FineTuningTask, examples: Sequence[Example], encoding: Encoding) -> Iterator[Unit]:
    """Choices are learned together, each window of a text alone."""
    for example in examples:
        inputs = encode_example(example, encoding, task.use == "span")
        if task.use == "span":
            yield from ((example, [window]) for window in inputs)
        else:
            yield example, inputs


def head_scores(
    parts: Parts[Encoder], batch: EncodedBatch, numbers: Tensor | None = None
) -> Tensor:
    """Scores of the head for ids, types and mask (inputs, positions).

    (inputs, outputs), of spans (inputs, positions, 2).  `numbers` (inputs) key dropout.
    """
    ids, types, mask = batch
    assert parts.task is not None
    states = parts.model(ids, types, parts.model.layout(mask), numbers)
    scores: Tensor = parts.task(states)
    return scores


def _update(
    optimizer: TrustRatio,
    loss: Tensor,
    settings: FineTuning,
    step: int,
    steps: int,
) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
    factor = (1 - step / steps) * min(1.0, step / max(settings.warmup * steps, 1))
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor
    optimizer.step()


def layer_groups(
    parts: Parts[Encoder], lr: float, layer_decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """One group for each depth and kind, its rate `layer_decay` times that of the one above.

    The head has the full rate and the top layer one decay less.  (google-research/electra
    gives the top layer two, see its issue 51.)  Shared layers are of the depth of the topmost
    use, and so all at one rate.
    """
    settings = parts.model.settings
    top = len(parts.model.blocks) // settings.inner_layers
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for name, parameter in parts.named_parameters():
        block = re.match(r"model\.blocks\.(\d+)\.", name)
        depth = 0
        if block:
            depth = top - int(block[1]) // settings.inner_layers
        elif name.startswith(("model.embeddings.", "model.project.")):
            depth = top + 1
        groups.setdefault((depth, parameter.dim() >= 2), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": lr * layer_decay**depth,
            "peak": lr * layer_decay**depth,
            "weight_decay": weight_decay if matrix else 0.0,
        }
        for (depth, matrix), parameters in sorted(groups.items(), key=lambda one: one[0])
    ]
