"""Tasks that ask a question and offer answers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from pipeline.store.errors import SettingError
from trainer.eval.task import Item, Task, answer_in


class Piqa(Task):
    """PIQA (Bisk et al. 2020): `goal`, `sol1`, `sol2`; `label`, or `valid-labels.lst` beside it."""

    def items(self, path: Path) -> Iterator[Item]:
        """With the answers of the file of labels, where the rows have none."""
        items = list(super().items(path))
        labels = path.with_name(f"{path.name.partition('.')[0]}-labels.lst")
        if all(item.answer >= 0 for item in items):
            yield from items
            return
        if not labels.is_file():
            raise SettingError(
                f"PIQA's labels {labels} are missing", "Put them beside the questions"
            )
        answers = labels.read_text(encoding="utf-8").split()
        for item, answer in zip_longest(items, answers):
            if item is None or answer not in ("0", "1"):
                raise SettingError(
                    f"{labels} has not one label, 0 or 1, for each row of {path}",
                    "Take both files from one release",
                )
            yield Item(item.context, item.choices, int(answer))

    def item(self, row: dict[str, Any]) -> Item:
        """As lm-evaluation-harness asks it; the paper's solutions follow the goal bare."""
        context = f"Question: {row['goal']}\nAnswer:"
        return Item(context, (row["sol1"], row["sol2"]), answer_in(row, "label"))


class Arc(Task):
    """ARC (Clark et al. 2018), easy or challenge: `question`, `choices`, `answerKey`."""

    def item(self, row: dict[str, Any]) -> Item:
        """Choices are `{"text": […], "label": […]}`, or a list of objects with both."""
        question, choices = row["question"], row.get("choices")
        if isinstance(question, dict):  # as the authors' own files have it
            question, choices = question["stem"], question["choices"]
        texts, labels = _choices(choices)
        answer = answer_in(row, "answerKey", labels.index)
        return Item(f"Question: {question}\nAnswer:", texts, answer)


class OpenBookQa(Task):
    """OpenBookQA (Mihaylov et al. 2018): `question_stem`, `choices`, `answerKey`."""

    def item(self, row: dict[str, Any]) -> Item:
        """The stem is begun and a choice ends it."""
        stem, choices = row.get("question_stem"), row.get("choices")
        if stem is None:  # as the authors' own files have it
            stem, choices = row["question"]["stem"], row["question"]["choices"]
        texts, labels = _choices(choices)
        return Item(stem, texts, answer_in(row, "answerKey", labels.index))


class BoolQ(Task):
    """BoolQ (Clark et al. 2019): `passage`, `question`, and `label` or `answer`."""

    def item(self, row: dict[str, Any]) -> Item:
        """No or yes."""
        answer = answer_in(row, "label" if "label" in row else "answer", _yes)
        context = f"{row['passage']}\nQuestion: {row['question']}?\nAnswer:"
        return Item(context, ("no", "yes"), answer)


class SciQ(Task):
    """SciQ (Welbl et al. 2017): `support`, `question`, `distractor1` to `3`, `correct_answer`."""

    def item(self, row: dict[str, Any]) -> Item:
        """The right answer is the last choice."""
        names = ("distractor1", "distractor2", "distractor3", "correct_answer")
        context = f"{row['support'].lstrip()}\nQuestion: {row['question']}\nAnswer:"
        return Item(context, tuple(row[name] for name in names), 3)


class QuestionAnswer(Task):
    """Any task: `question`, `answer`, and `context` and `choices` if there are any."""

    def item(self, row: dict[str, Any]) -> Item:
        """Without choices, the answer has to be said greedily."""
        answer, choices = row.get("answer"), tuple(row.get("choices") or (row["answer"],))
        if answer is not None and answer not in choices:
            raise ValueError(f"answer {answer!r} is not among its choices")
        context = f"{row['context']}\n" if row.get("context") else ""
        prompt = f"{context}Question: {row['question']}\nAnswer:"
        return Item(prompt, choices, answer_in(row, "answer", choices.index))


def _yes(answer: str) -> int:
    """1 for yes, 0 for no, as numbers or as words of JSON."""
    return ("0", "1", "False", "True").index(answer) % 2


def _choices(choices: Any) -> tuple[tuple[str, ...], list[str]]:
    """Texts and labels of choices, in either of the two forms."""
    if isinstance(choices, dict):
        return tuple(choices["text"]), list(choices["label"])
    return tuple(c["text"] for c in choices), [c["label"] for c in choices]
