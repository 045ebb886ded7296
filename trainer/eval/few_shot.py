"""Few-shot prompts: k solved items before the one that is asked (GPT-3's paper, section 2)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pipeline.store.errors import SettingError
from trainer.eval.task import Item

#: What a choice's log-likelihood is divided by: nothing, its tokens or its bytes.  "unconditional"
#: takes off what the choice has after "Answer:" alone.
Normalise = Literal["none", "tokens", "bytes", "unconditional"]


@dataclass(frozen=True)
class FewShot:
    """How items are asked.  `shots` 0 is zero-shot."""

    shots: int = 0
    #: One solved item; and what stands between two.
    template: str = "{context} {answer}"
    separator: str = "\n\n"
    normalise: Normalise = "none"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.shots < 0:
            raise SettingError(f"--shots {self.shots} is below 0", "Give 0 or more")
        if "{context}" not in self.template or "{answer}" not in self.template:
            raise SettingError(
                f"--template {self.template!r} lacks {{context}} or {{answer}}",
                "Write both, such as '{context} {answer}'",
            )


def with_examples(items: Sequence[Item], settings: FewShot) -> list[Item]:
    """Each item with `shots` others, solved, before its context.

    Which ones follows from the item's number and the seed alone, and none is the item
    itself, so the prompts do not depend on the machine or on the order of work.
    Raises SettingError when there are not enough items.
    """
    if settings.shots == 0:
        return list(items)
    if settings.shots >= len(items):
        raise SettingError(
            f"{len(items)} items are too few for {settings.shots} shots", "Lower --shots"
        )
    return [_prompt(items, number, settings) for number in range(len(items))]


def _prompt(items: Sequence[Item], number: int, settings: FewShot) -> Item:
    chosen: list[int] = []
    draw = 0
    while len(chosen) < settings.shots:
        label = f"{settings.seed}/{number}/{draw}".encode()
        other = int.from_bytes(hashlib.blake2b(label, digest_size=8).digest()) % len(items)
        draw += 1
        if other != number and other not in chosen:
            chosen.append(other)
    solved = [
        settings.template.format(
            context=items[n].context_of(items[n].answer), answer=items[n].choices[items[n].answer]
        ).strip()
        for n in chosen
    ]
    item = items[number]
    contexts = [settings.separator.join([*solved, one]) for one in (item.context, *item.contexts)]
    return replace(item, context=contexts[0], contexts=tuple(contexts[1:]))
