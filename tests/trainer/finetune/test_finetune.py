"""Figures, files and layer-wise rates."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.store.errors import SettingError
from trainer.finetune.classifier import Classifier, layer_groups
from trainer.finetune.examples import Columns, Example, read_examples
from trainer.finetune.train import figures
from trainer.models.encoder import Encoder
from trainer.models.parts import Parts
from trainer.settings.model import EncoderSettings


@pytest.mark.parametrize(("said", "truth", "want"), [
    ("1100", "1100", 1.0), ("0011", "1100", -1.0), ("1111", "1100", 0.0), ("1110", "1100", 0.57735),
    ("012012", "012012", 1.0),
])  # fmt: skip
def test_matthews_correlation(said: str, truth: str, want: float) -> None:
    examples = [Example("", "", label) for label in truth]
    assert figures(list(said), examples)["matthews"] == pytest.approx(want, abs=1e-5)


def test_files_of_each_form(tmp_path: Path) -> None:
    cola, table, lines = (tmp_path / n for n in ("cola.tsv", "pairs.tsv", "pairs.jsonl"))
    cola.write_text("gj04\t1\t\tThe cat slept.\ngj04\t0\t*\tCat the slept.\n")
    table.write_text("a\tb\tsame\nx y\tz\tyes\n")
    lines.write_text('{"a": "x y", "b": "z", "same": "yes"}\n')
    assert [e.label for e in read_examples(str(cola), Columns(), cola=True)] == ["1", "0"]
    for file in (table, lines):
        columns = Columns("a", "b", "same")
        assert read_examples(str(file), columns) == [Example("x y", "z", "yes")]
        with pytest.raises(SettingError, match="has no column 'label'"):
            read_examples(str(file), Columns("a"))


@pytest.mark.system
def test_cola_has_its_sizes(shared_data: Path) -> None:
    file = shared_data / "evaluation" / "cola-in_domain_train.tsv"
    assert len(read_examples(str(file), Columns(), cola=True)) == 8551


def test_each_layer_has_the_rate_of_the_one_above_times_the_decay() -> None:
    settings = EncoderSettings(kind="encoder", vocab=50, layers=3, width=8, heads=2, context=8)
    model = Classifier(Parts("electra", Encoder(settings)), 2, 1)
    groups = layer_groups(model, 1.0, 0.5, 0.01)
    rates = {id(p): g["peak"] for g in groups for p in g["params"]}
    named = dict(model.named_parameters())
    found = [
        rates[id(named[name])]
        for name in (
            "score.weight", "model.blocks.2.up.weight", "model.blocks.0.norm_1.bias",
            "model.embeddings.tokens.weight",
        )
    ]  # fmt: skip
    assert found == [1.0, 0.5, 0.125, 0.0625]
    assert len(rates) == len(named)
