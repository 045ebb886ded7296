"""TinyBERT's task stage: a student learns from a fine-tuned teacher, layers first, then scores.

Jiao et al. 2020, sections 3.2 and 4.1, and huawei-noah/Pretrained-Language-Model
`task_distill.py`: some epochs of the layers' losses at 5e-5, then three of the scores' at
3e-5, batch 32.  Labels are not read: the teacher says what is right, of other words too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from pipeline.store.errors import SettingError
from trainer.data.seeds import seed_for
from trainer.finetune.encoding import Encoding, encode_example
from trainer.finetune.examples import Example
from trainer.finetune.predict import predict
from trainer.finetune.saved import Saved
from trainer.finetune.train import (
    EncodedBatch,
    FineTuning,
    Unit,
    head_scores,
    layer_groups,
    run_epochs,
)
from trainer.models.encoder import Encoder
from trainer.models.heads import init_encoder_weights
from trainer.models.parts import Parts
from trainer.models.task_head import TaskHead
from trainer.objectives.layer_losses import (
    ProjectionKind,
    Projections,
    check_heads,
    layer_counts,
    layer_losses,
    layers_apart,
)
from trainer.objectives.soft_targets import soft_target_loss
from trainer.objectives.teacher import Teacher


@dataclass(frozen=True)
class TaskDistillation:
    """How it is done."""

    layer_epochs: int = 10
    layer_lr: float = 5e-5
    epochs: int = 3
    lr: float = 3e-5
    batch: int = 32
    temperature: float = 1.0
    projections: ProjectionKind = "each"
    seed: int = 1

    def loop(self, lr: float, epochs: int) -> FineTuning:
        """One of both loops, all layers at one rate."""
        return FineTuning(lr=lr, layer_decay=1.0, batch=self.batch, epochs=epochs, seed=self.seed)


class TaskStudent:
    """A student and its teacher of one task, on one device."""

    def __init__(self, student: Parts[Encoder], teacher: Saved, settings: TaskDistillation) -> None:
        """Raises SettingError where the student cannot learn from this teacher."""
        theirs = teacher.parts.task
        if theirs is None or theirs.use != "sequence":
            raise SettingError(
                "Of a teacher, classes or a number of a text are learned, and no spans or choices",
                "Fine-tune the student itself: `webtext finetune`",
            )
        self.teacher, self.task, self.settings = Teacher(teacher.parts), teacher.task, settings
        mine, device = student.model.settings, next(teacher.parts.parameters()).device
        self.teacher.check_student(mine, ())
        check_heads(mine.heads, self.teacher.settings.heads)
        layers_apart(self.teacher.settings.layers, mine.layers)
        head = TaskHead(mine, student.kind, "sequence", theirs.labels)
        head.init_weights(settings.seed)
        self.student = Parts(student.kind, student.model, task=head).to(device)
        if settings.projections == "none":
            self.teacher.check_student(mine, ("width",))
        width = self.teacher.settings.width
        self.projections = Projections(settings.projections, mine.layers, mine.width, width)
        init_encoder_weights(self.projections, seed_for(settings.seed, "projections"))
        self.projections.to(device)
        self.device = device

    def layer_loss(self, batch: EncodedBatch, numbers: Tensor, units: Sequence[Unit]) -> Tensor:
        """The sum of the mean errors of embedding, states and scores of attention."""
        ids, types, mask = batch
        layout = self.student.model.layout(mask)
        mine = self.student.model.observe(ids, types, layout, numbers)
        theirs = self.teacher.observe(ids, types, layout)
        sums, counts = layer_losses(mine, theirs, self.projections, layout), layer_counts(mask)
        return torch.stack([sums[name] / counts[name] for name in sums]).sum()

    def score_loss(self, batch: EncodedBatch, numbers: Tensor, units: Sequence[Unit]) -> Tensor:
        """Of classes the mean divergence from the teacher's, of a number its squared error."""
        scores = head_scores(self.student, batch, numbers)
        with torch.no_grad():
            wanted = head_scores(self.teacher.parts, batch)
        if not self.labels:
            return functional.mse_loss(scores, wanted)
        counted = torch.ones(len(scores), dtype=torch.bool, device=scores.device)
        total = soft_target_loss(scores, wanted, counted, self.settings.temperature)
        return total / len(scores)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes; none of a number."""
        assert self.student.task is not None
        return self.student.task.labels

    def run(
        self, examples: Sequence[Example], dev: Sequence[Example], tokenizer: Tokenizer,
        say: Callable[[str], None],
    ) -> Parts[Encoder]:  # fmt: skip
        """Trains in both stages; the student of the epoch that is best on `dev`, or of the last.

        Epochs of the layers cannot be judged so: no score has been learned yet.
        """
        settings, model = self.settings, self.student.train()
        encoding = Encoding.of(tokenizer, model.model.settings.context)
        units = [(e, encode_example(e, encoding, False)) for e in examples]
        loop = settings.loop(settings.layer_lr, settings.layer_epochs)
        extra = {"params": list(self.projections.parameters()), "weight_decay": loop.weight_decay}
        groups = layer_groups(model, loop.lr, 1.0, loop.weight_decay)
        groups.append(extra | {"lr": loop.lr, "peak": loop.lr})
        for epoch, loss in run_epochs(units, encoding, loop, groups, self.device, self.layer_loss):
            say(f"layers, epoch {epoch} of {loop.epochs}: last loss {loss:.4f}")
        loop = settings.loop(settings.lr, settings.epochs)
        groups = layer_groups(model, loop.lr, 1.0, loop.weight_decay)
        kept: dict[str, Tensor] = {}
        best = -float("inf")
        for epoch, loss in run_epochs(units, encoding, loop, groups, self.device, self.score_loss):
            value = self._judged(dev, tokenizer)
            if value > best or not kept or not dev:
                best, kept = value, _copied(model)
            told = f", {self.task.metrics[0].name} {value:.4f}" if dev else ""
            say(f"scores, epoch {epoch} of {loop.epochs}: last loss {loss:.4f}{told}")
        model.load_state_dict(kept)
        return model.eval()

    def _judged(self, dev: Sequence[Example], tokenizer: Tokenizer) -> float:
        """The task's first figure on held-out examples; 0 where there are none."""
        if not dev:
            return 0.0
        self.student.eval()
        answers = predict(self.student, tokenizer, self.task, dev, self.device)
        self.student.train()
        metric = self.task.metrics[0]
        predicted, truth = [one["predicted"] for one in answers], [e.label for e in dev]
        return metric.value(metric.columns(predicted, truth))


def _copied(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}
