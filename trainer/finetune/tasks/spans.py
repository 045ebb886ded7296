"""Tasks whose answer is a piece of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.store.tables import Row
from trainer.finetune.encoding import Input
from trainer.finetune.examples import Example
from trainer.finetune.metrics import EXACT_MATCH, F1
from trainer.finetune.task import FineTuningTask

#: Longest answer in tokens (google-research/bert `run_squad.py`: 30).
_LONGEST = 30


class Spans(FineTuningTask):
    """SQuAD (Rajpurkar et al. 2016 and 2018): `question`, `context`, `answers`, none or several."""

    use = "span"
    metrics = (EXACT_MATCH, F1)

    def example(self, row: Row, labelled: bool) -> Example:
        """Answers are a list of objects, or an object of lists as the data set has them.

        ValueError for one that does not stand at its `answer_start`.
        """
        question, context = str(row["question"]), str(row["context"])
        return Example(question, context, label=_answers(row, context) if labelled else None)

    def loss(
        self, scores: Tensor, examples: Sequence[Example], inputs: Sequence[Sequence[Input]]
    ) -> Tensor:
        """Cross-entropy of start and end over the places of each window; [CLS] where none is."""
        spans = [
            span_in(window, e.label)
            for e, some in zip(examples, inputs, strict=True)
            for window in some
        ]
        targets = torch.tensor(spans, device=scores.device)
        flat = [window for some in inputs for window in some]
        allowed = _allowed(flat, scores.shape[1]).to(scores.device)
        starts, ends = scores.masked_fill(~allowed[..., None], float("-inf")).unbind(-1)
        halves = (
            functional.cross_entropy(s, t) for s, t in zip((starts, ends), targets.T, strict=True)
        )
        return torch.stack(list(halves)).mean()

    def answer(
        self, scores: Tensor, example: Example, inputs: Sequence[Input], labels: Sequence[str]
    ) -> dict[str, Any]:
        """The best span of all windows, or none where [CLS] is better in each.

        `score`: by how much the span is better than [CLS], in nats.
        """
        best, start, stop = max(_best_span(w, s) for w, s in zip(inputs, scores, strict=True))
        score = best - min(float(window[0].sum()) for window in scores)
        text = example.second[start:stop] if score > 0 else ""
        return {"predicted": text, "start": start if text else -1, "score": score}


def _answers(row: Row, context: str) -> tuple[tuple[int, str], ...]:
    answers = row["answers"]
    if isinstance(answers, dict):
        pairs = tuple(zip(answers["answer_start"], answers["text"], strict=True))
    else:
        pairs = tuple((int(one["answer_start"]), str(one["text"])) for one in answers)
    for start, text in pairs:
        if context[start : start + len(text)] != text:
            raise ValueError(f"its answer {text!r} does not stand at character {start}")
    return pairs


def span_in(window: Input, answers: Sequence[tuple[int, str]]) -> tuple[int, int]:
    """First and last id of the first answer that a window has whole; 0 and 0, [CLS], for none."""
    assert window.characters is not None
    begins, ends = window.characters.T
    for start, text in answers:
        inside = np.flatnonzero((begins >= 0) & (begins < start + len(text)) & (ends > start))
        if len(inside) and begins[inside[0]] <= start and ends[inside[-1]] >= start + len(text):
            return int(inside[0]), int(inside[-1])
    return 0, 0


def _allowed(windows: Sequence[Input], positions: int) -> Tensor:
    """Places that an answer may begin or end at, the text's and [CLS]: (windows, positions)."""
    allowed = torch.zeros(len(windows), positions, dtype=torch.bool)
    for row, window in zip(allowed, windows, strict=True):
        assert window.characters is not None
        row[: len(window.ids)] = torch.from_numpy(window.characters[:, 0] >= 0)
    allowed[:, 0] = True
    return allowed


def _best_span(window: Input, scores: Tensor) -> tuple[float, int, int]:
    """Score, first character and end of a window's best span that is not [CLS]."""
    assert window.characters is not None
    inside = np.flatnonzero(window.characters[:, 0] >= 0)
    if not len(inside):
        return float("-inf"), 0, 0
    first, last = int(inside[0]), int(inside[-1]) + 1
    sums = scores[first:last, :1] + scores[first:last, 1]
    position = torch.arange(last - first)
    length = position - position[:, None]
    sums = sums.masked_fill((length < 0) | (length >= _LONGEST), float("-inf"))
    begin, end = divmod(int(sums.argmax()), last - first)
    left, right = window.characters[first + begin, 0], window.characters[first + end, 1]
    return float(sums[begin, end]), int(left), int(right)
