"""Rows, figures and layer-wise rates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tokenizers import Tokenizer

from pipeline.store.errors import SettingError
from trainer.data.tables import read_rows
from trainer.finetune.encoding import Encoding, Input
from trainer.finetune.examples import Example, ExampleColumns
from trainer.finetune.metrics import (
    ACCURACY,
    EXACT_MATCH,
    F1,
    MATTHEWS,
    PEARSON,
    SPEARMAN,
    Metric,
    figures,
)
from trainer.finetune.tasks import open_task
from trainer.finetune.tasks.spans import span_in
from trainer.finetune.train import layer_groups
from trainer.models.encoder import Encoder
from trainer.models.parts import Parts
from trainer.models.task_head import TaskHead
from trainer.settings.model import EncoderSettings


@pytest.mark.parametrize(("metric", "predicted", "truth", "want"), [
    (ACCURACY, "1101", "1100", 0.75),
    (MATTHEWS, "1100", "1100", 1.0), (MATTHEWS, "0011", "1100", -1.0),
    (MATTHEWS, "1111", "1100", 0.0), (MATTHEWS, "1110", "1100", 0.57735),
    (MATTHEWS, "012012", "012012", 1.0),
    (PEARSON, [1, 2, 3], [2, 4, 6], 1.0), (PEARSON, [1, 1, 1], [2, 4, 6], 0.0),
    (PEARSON, [1, 2, 4], [3, 1, 2], -0.32733), (SPEARMAN, [1, 2, 40], [1, 2, 3], 1.0),
    (SPEARMAN, [1, 1, 2, 3], [1, 2, 3, 4], 0.94868),
    (EXACT_MATCH, ["the Sea."], [((3, "a sea"), (9, "lake"))], 1.0),
    (EXACT_MATCH, ["sea"], [()], 0.0), (EXACT_MATCH, [""], [()], 1.0),
    (F1, ["the old sea"], [((0, "old man"),)], 0.5), (F1, [""], [((0, "old man"),)], 0.0),
])  # fmt: skip
def test_figures(metric: Metric, predicted: Any, truth: Any, want: float) -> None:
    found = figures([metric], list(predicted), list(truth))
    name = metric.name
    assert found[name] == pytest.approx(want, abs=1e-5)
    assert (
        found[f"{name}_low"] <= found[name] + 1e-9 and found[name] <= found[f"{name}_high"] + 1e-9
    )


def test_bounds_hold_what_they_say() -> None:
    """Of 100 samples of 200 from a population, most intervals of a correlation hold its own."""
    generator = np.random.default_rng(3)
    held = 0
    for _ in range(100):
        x = generator.normal(size=200)
        y = 0.6 * x + 0.8 * generator.normal(size=200)
        found = figures([PEARSON], x.tolist(), y.tolist())
        held += found["pearson_low"] <= 0.6 <= found["pearson_high"]
    assert 88 <= held <= 100


ROWS = [{"a": 'x, "y"', "b": "z", "same": "yes"}, {"a": "été", "b": "w", "same": "no"}]


@pytest.mark.parametrize("name", ["t.jsonl", "t.json", "t.csv", "t.tsv", "t.parquet", "list.json"])
def test_rows_of_each_form(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    if name == "t.parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), file)
    else:
        file.write_text({
            "t.jsonl": "\n".join(map(json.dumps, ROWS)), "t.json": "\n".join(map(json.dumps, ROWS)),
            "list.json": json.dumps(ROWS),
            "t.csv": 'a,b,same\r\n"x, ""y""",z,yes\r\nété,w,no\r\n',
            "t.tsv": 'a\tb\tsame\nx, "y"\tz\tyes\nété\tw\tno\n',
        }[name])  # fmt: skip
    assert list(read_rows(str(file))) == ROWS
    task = open_task("classification", ExampleColumns("a", "b", "same"))
    assert task.read_all(str(file))[0] == Example('x, "y"', "z", label="yes")
    with pytest.raises(SettingError, match=rf"{name}, row 1 has no 'label'; it has a, b, same"):
        open_task("classification", ExampleColumns("a")).read_all(str(file))


def test_a_text_a_line_and_cola_s_own(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("one\ntwo\n")
    assert list(read_rows(str(tmp_path / "t.txt"), "sentence")) == [
        {"sentence": "one"}, {"sentence": "two"},
    ]  # fmt: skip
    cola = tmp_path / "cola.tsv"
    cola.write_text("gj04\t1\t\tThe cat slept.\ngj04\t0\t*\tCat the slept.\n")
    found = open_task("cola", ExampleColumns()).read_all(str(cola))
    assert found == [Example("The cat slept.", label="1"), Example("Cat the slept.", label="0")]


SQUAD = {"question": "Where?", "context": "At the sea.",
         "answers": [{"answer_start": 7, "text": "sea"}]}  # fmt: skip


@pytest.mark.parametrize(("task", "row", "want"), [
    ("classification", {"sentence": "s", "label": 3}, Example("s", label="3")),
    ("regression", {"sentence": "s", "label": "2.5"}, Example("s", label=2.5)),
    ("multiple-choice", {"sentence": "s", "choices": ["a", "b"], "label": "1"},
     Example("s", choices=(("s", "a"), ("s", "b")), label=1)),
    ("spans", SQUAD, Example("Where?", "At the sea.", label=((7, "sea"),))),
    ("spans", SQUAD | {"answers": {"answer_start": [], "text": []}},
     Example("Where?", "At the sea.", label=())),
    ("copa", {"premise": "It rained.", "question": "effect", "choice1": "He got wet.",
              "choice2": "He sang.", "label": 0},
     Example("It rained therefore", label=0, choices=(
         ("It rained therefore", "he got wet."), ("It rained therefore", "he sang.")))),
])  # fmt: skip
def test_examples_of_each_task(tmp_path: Path, task: str, row: dict, want: Example) -> None:
    (tmp_path / "t.jsonl").write_text(json.dumps(row))
    assert open_task(task, ExampleColumns()).read_all(str(tmp_path / "t.jsonl")) == [want]


GOOD = {"sentence": "s", "label": "1"}


@pytest.mark.parametrize(("task", "rows", "message"), [
    ("classification", [GOOD, GOOD | {"label": ""}], "row 2: its label is empty"),
    ("classification", [GOOD, GOOD | {"label": None}], "row 2: its label is empty"),
    ("classification", [GOOD, {"sentence": "s"}], "row 2 has no 'label'"),
    ("classification", [GOOD | {"sentence": None}], "row 1: its sentence is empty"),
    ("classification", [], "has no examples"),
    ("regression", [GOOD | {"label": "nan"}], "row 1: its label is nan"),
    ("regression", [GOOD | {"label": "much"}], "row 1: could not convert"),
    ("multiple-choice", [GOOD | {"choices": "ab"}], "row 1: its choices are no list"),
    ("multiple-choice", [GOOD | {"choices": ["a", "b"], "label": 2}], "label is 2, of 2 choices"),
    ("spans", [SQUAD | {"answers": [{"answer_start": 6, "text": "sea"}]}], "does not stand at"),
    ("lambada", [{"text": "to the sea"}], "a single choice"),
    ("cola", [GOOD], "four columns, this one 1"),
    ("clasification", [GOOD], "no task has the name.*Did you mean classification"),
])  # fmt: skip
def test_rows_that_cannot_be_learned(
    tmp_path: Path, task: str, rows: list[dict], message: str
) -> None:
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(SettingError, match=message):
        open_task(task, ExampleColumns()).read_all(str(tmp_path / "t.jsonl"))


@pytest.fixture(scope="module")
def tokenizer(encoder_tokens: Path) -> Tokenizer:
    home = encoder_tokens.parent.parent / "tokenizers" / "electra" / "tokenizer.json"
    return Tokenizer.from_file(str(home))


def test_windows_hold_the_whole_text_and_its_spans(tokenizer: Tokenizer) -> None:
    text = "The old man went to the sea. " * 12
    encoding = Encoding.of(tokenizer, 32)
    windows = list(encoding.windows("Where did he go?", text))
    assert len(windows) > 3 and all(len(window.ids) <= 32 for window in windows)
    held = {tuple(c) for w in windows if w.characters is not None for c in w.characters.tolist()}
    assert held - {(-1, -1)} == set(tokenizer.encode(text, add_special_tokens=False).offsets)
    start = text.index("sea", 200)
    for window in windows:
        first, last = span_in(window, [(start, "sea")])
        assert (first == 0) == (not _has(window, start))
        if first:
            assert tokenizer.decode(window.ids[first : last + 1]).replace(" ", "") == "sea"


def _has(window: Input, start: int) -> bool:
    assert window.characters is not None
    return bool((window.characters[:, 0] == start).any())


def test_a_span_is_the_best_pair_of_ends(tokenizer: Tokenizer) -> None:
    example = Example("Where?", "He went to the sea.", label=((15, "sea"),))
    task = open_task("spans", ExampleColumns())
    window = next(Encoding.of(tokenizer, 32).windows(example.first, example.second))
    first, last = span_in(window, example.label)
    scores = torch.zeros(1, len(window.ids), 2)
    scores[0, first, 0] = scores[0, last, 1] = 4.0
    assert task.answer(scores, example, [window], ()) == {
        "predicted": "sea", "start": 15, "score": 8.0,
    }  # fmt: skip
    assert float(task.loss(scores, [example], [[window]])) < 1
    scores[0, 0] = 9.0
    assert task.answer(scores, example, [window], ())["predicted"] == ""


@pytest.mark.system
def test_cola_has_its_sizes(shared_data: Path) -> None:
    file = shared_data / "evaluation" / "cola-in_domain_train.tsv"
    assert len(open_task("cola", ExampleColumns()).read_all(str(file))) == 8551


def test_each_layer_has_the_rate_of_the_one_above_times_the_decay() -> None:
    settings = EncoderSettings(kind="encoder", vocab=50, layers=3, width=8, heads=2, context=8)
    head = TaskHead(settings, "electra", "sequence", ("no", "yes"))
    model = Parts("electra", Encoder(settings), task=head)
    groups = layer_groups(model, 1.0, 0.5, 0.01)
    rates = {id(p): g["peak"] for g in groups for p in g["params"]}
    named = dict(model.named_parameters())
    found = [
        rates[id(named[name])]
        for name in (
            "task.score.weight", "model.blocks.2.up.weight", "model.blocks.0.norm_1.bias",
            "model.embeddings.tokens.weight",
        )
    ]  # fmt: skip
    assert found == [1.0, 0.5, 0.125, 0.0625]
    assert len(rates) == len(named)
