"""Tasks by likelihood: the choice that the model finds likeliest is its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from trainer.eval.accuracy import accuracies
from trainer.eval.deal import dealt
from trainer.eval.few_shot import FewShot, with_examples
from trainer.eval.task import Item
from trainer.models.gpt import GPT
from trainer.run.distributed import World

_BATCH = 32  # texts in a forward pass


@dataclass(frozen=True)
class Text:
    """Token ids of which those from `start` on are judged."""

    ids: list[int]
    start: int


@torch.no_grad()
def log_likelihoods(model: GPT, texts: Sequence[Text], world: World) -> tuple[Tensor, Tensor]:
    """For each text the log-likelihood of what is judged, in nats, and whether it is greedy.

    Float64 and bool, both (texts).  Texts are shared among the processes (`trainer.eval.deal`).
    """
    # Like lengths together: little padding.  Equal lengths keep their order.
    order = sorted(range(len(texts)), key=lambda n: len(texts[n].ids))
    sums = dealt(
        len(order),
        _BATCH,
        2,
        lambda some: _judged(model, [texts[order[n]] for n in some], world.device),
        world,
    )
    result = torch.zeros_like(sums)
    result[order] = sums
    return result[:, 0], result[:, 1] > 0.5


def _judged(model: GPT, texts: Sequence[Text], device: torch.device) -> Tensor:
    """Log-likelihood, and 1 where it is greedy, of texts in one forward pass: (texts, 2)."""
    longest = max(len(text.ids) for text in texts)
    ids = torch.zeros(len(texts), longest, dtype=torch.long)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text.ids)] = torch.tensor(text.ids)
    logits = model.logits(model(ids[:, :-1].to(device))).float()
    logs = logits.log_softmax(dim=2).gather(2, ids[:, 1:, None].to(device))[..., 0]
    logs, best = logs.double().cpu(), (logits.argmax(dim=2).cpu() == ids[:, 1:]).double()
    judged = [slice(text.start - 1, len(text.ids) - 1) for text in texts]
    pairs = [[logs[n, part].sum(), best[n, part].min()] for n, part in enumerate(judged)]
    return torch.tensor(pairs, dtype=torch.float64)


def encode(tokenizer: Tokenizer, context: str, choice: str, begin: int, room: int) -> Text:
    """Context and choice as one text, so that tokens merge as they would in running text.

    Where context there is none, `begin` stands for it.  What exceeds `room` tokens is cut
    from the front.
    """
    joined = f"{context} {choice}" if context else choice
    ids = tokenizer.encode(joined).ids
    start = len(tokenizer.encode(context).ids) if context else 0
    if start == 0:
        ids, start = [begin, *ids], 1
    start = min(start, len(ids) - 1)
    cut = max(0, min(len(ids) - room, start - 1))
    return Text(ids[cut:][:room], start - cut)


def measure_choices(
    model: GPT,
    tokenizer: Tokenizer,
    items: Sequence[Item],
    begin: int,
    settings: FewShot,
    world: World,
) -> dict[str, float]:
    """Accuracy over all items, with its 95 % bounds, and of each group.

    `settings.normalise`: "none" compares sums; "tokens" sums over tokens of the choice (GPT-3's
    paper, section 2.4, for most tasks); "bytes" over its bytes (as lm-eval's acc_bytes; its
    acc_norm divides by characters); "unconditional" takes off what the choice has after `Answer:`
    alone (the same section, for ARC, OpenBookQA and RACE).
    """
    context = model.settings.context + 1
    prompted = with_examples(items, settings)
    texts = [
        encode(tokenizer, item.context_of(number), choice, begin, context)
        for item in prompted
        for number, choice in enumerate(item.choices)
    ]
    sums, greedy = log_likelihoods(model, texts, world)
    if settings.normalise == "unconditional":
        alone = [
            encode(tokenizer, "Answer:", choice, begin, context)
            for item in items
            for choice in item.choices
        ]
        sums = sums - log_likelihoods(model, alone, world)[0]
    elif settings.normalise == "tokens":
        sums = sums / torch.tensor([len(text.ids) - text.start for text in texts])
    elif settings.normalise == "bytes":
        choices = [choice for item in items for choice in item.choices]
        sums = sums / torch.tensor([max(len(choice.encode()), 1) for choice in choices])
    right = []
    start = 0
    for item in items:
        here = slice(start, start + len(item.choices))
        start += len(item.choices)
        single = len(item.choices) == 1
        right.append(bool(greedy[here][0]) if single else int(sums[here].argmax()) == item.answer)
    return accuracies(items, right)
