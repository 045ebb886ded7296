"""Tasks that compare sentences: which of two is right."""

from __future__ import annotations

from typing import Any

from trainer.eval.task import Item, Task, answer_in

#: What COPA's questions ask for, as lm-evaluation-harness joins them.
_CONNECTORS = {"cause": "because", "effect": "therefore"}


class Blimp(Task):
    """BLiMP (Warstadt et al. 2020): `sentence_good`, `sentence_bad`, and the phenomenon `UID`."""

    def item(self, row: dict[str, Any]) -> Item:
        """The grammatical of two sentences; a group a phenomenon."""
        return Item("", (row["sentence_good"], row["sentence_bad"]), 0, row["UID"])


class Winogrande(Task):
    """WinoGrande (Sakaguchi et al. 2019): `sentence` with a `_`, `option1`, `option2`, `answer`."""

    def item(self, row: dict[str, Any]) -> Item:
        """Both options in the gap; what is judged is the sentence behind it (Trinh and Le 2018)."""
        before, gap, after = row["sentence"].partition("_")
        if not gap:
            raise ValueError("its sentence has no _")
        contexts = tuple(before + row[name] for name in ("option1", "option2"))
        return Item(
            "", (after.strip(),) * 2, answer_in(row, "answer", ["1", "2"].index), contexts=contexts
        )


class Copa(Task):
    """COPA (Roemmele et al. 2011): `premise`, `question`, `choice1`, `choice2`, `label`."""

    def item(self, row: dict[str, Any]) -> Item:
        """Premise and choice as one sentence, as lm-evaluation-harness joins them."""
        context = f"{row['premise'].strip()[:-1]} {_CONNECTORS[row['question']]}"
        choices = [row["choice1"], row["choice2"]]
        return Item(context, tuple(s[0].lower() + s[1:] for s in choices), answer_in(row, "label"))
