"""Tasks that ask how a text goes on."""

from __future__ import annotations

import re
from typing import Any

from trainer.eval.task import Item, Task, answer_in


class HellaSwag(Task):
    """HellaSwag (Zellers et al. 2019): `ctx_a`, `ctx_b`, `activity_label`, `endings`, `label`."""

    def item(self, row: dict[str, Any]) -> Item:
        """As lm-evaluation-harness asks it: headed by the activity, without WikiHow's marks.

        Rows with `ctx` alone are taken too.
        """
        context = row["ctx"] if "ctx_a" not in row else f"{row['ctx_a']} {_sentence(row['ctx_b'])}"
        if row.get("activity_label"):
            context = f"{row['activity_label']}: {context}"
        endings = tuple(without_marks(ending) for ending in row["endings"])
        return Item(without_marks(context), endings, answer_in(row, "label"))


class Lambada(Task):
    """LAMBADA (Paperno et al. 2016), OpenAI's JSON lines: the last word of `text`."""

    def item(self, row: dict[str, Any]) -> Item:
        """The last word is asked for, greedily; white space behind it is none of it."""
        context, space, word = row["text"].rstrip().rpartition(" ")
        if not space:
            raise ValueError("its text has a single word")
        return Item(context.rstrip(), (word,), 0)


def without_marks(text: str) -> str:
    """Without what WikiHow's pages have left in HellaSwag: `[header]`, `[title]`, `[step]`.

    `lm_eval/tasks/hellaswag/utils.py`: a title begins a sentence, everything in brackets goes.
    """
    text = re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". "))
    return text.replace("  ", " ")


def _sentence(text: str) -> str:
    """With a capital letter in front and small ones behind, as `str.capitalize` has it."""
    return text.capitalize()
