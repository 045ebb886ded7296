"""Accuracy on a task: of all items, and of each group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from trainer.eval.task import Item
from trainer.objectives.intervals import wilson


def accuracies(items: Sequence[Item], right: Sequence[bool]) -> dict[str, float]:
    """`accuracy` with its 95 % bounds, and the accuracy of each group where there are several."""
    groups: defaultdict[str, list[bool]] = defaultdict(list)
    for item, answer in zip(items, right, strict=True):
        groups[item.group].append(answer)
    low, high = wilson(sum(right), len(right))
    result = {
        "accuracy": sum(right) / len(right),
        "accuracy_low": low,
        "accuracy_high": high,
        "items": float(len(right)),
    }
    if len(groups) > 1:
        result |= {name: sum(some) / len(some) for name, some in sorted(groups.items())}
    return result
