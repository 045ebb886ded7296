"""A fine-tuned teacher's student: other words, both stages, and what `webtext distil` writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from distillation import CPU, export_teacher
from tokenizers import Tokenizer
from torch.nn import functional

from pipeline.store.errors import SettingError
from trainer.finetune.augment import Augmentation, Augmenter
from trainer.finetune.command import finetune
from trainer.finetune.distil import TaskDistillation, TaskStudent
from trainer.finetune.distil_command import distil
from trainer.finetune.encoding import Encoding
from trainer.finetune.examples import Example, ExampleColumns
from trainer.finetune.predict import predict
from trainer.finetune.saved import open_fine_tuned
from trainer.finetune.train import FineTuning, head_scores
from trainer.finetune.vectors import Neighbours
from trainer.hf.open_encoder import open_encoder

TEXTS = ["The old man went to the sea.", "A child slept in the house.",
         "Many ships came home.", "Nobody knew the answer.",
         "The river was cold and deep.", "She wrote a long letter."]  # fmt: skip
Made = dict[str, Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, encoder_tokens: Path) -> Made:
    """A masked language model, a narrow student, and teachers of a class and of a number."""
    home = tmp_path_factory.mktemp("distil")
    rows = [
        {"sentence": text, "label": str(n % 2), "number": n / 3} for n, text in enumerate(TEXTS)
    ]
    (home / "rows.jsonl").write_text("\n".join(map(json.dumps, rows * 4)))
    export_teacher(home / "masked", encoder_tokens)
    export_teacher(home / "small", encoder_tokens, layers=2, width=16)
    settings = FineTuning(lr=1e-2, layer_decay=1.0, epochs=3, batch=8)
    for task, label in (("classification", "label"), ("regression", "number")):
        asked = task, ExampleColumns(label=label)
        files = str(home / "rows.jsonl"), [str(home / "rows.jsonl")]
        finetune(str(home / "masked"), asked, files, settings, str(home / task), print)
    return {path.stem: path for path in home.iterdir()}


def student(made: Made, teacher: str, **settings: Any) -> TaskStudent:
    parts, _ = open_encoder(str(made["small"]), CPU, print)
    return TaskStudent(
        parts, open_fine_tuned(str(made[teacher]), CPU), TaskDistillation(**settings)
    )


def augmenter(made: Made, **settings: Any) -> Augmenter:
    parts, file = open_encoder(str(made["masked"]), CPU, print)
    tokenizer = Tokenizer.from_file(str(file))
    near = Neighbours.of_encoder(parts.model, tokenizer)
    return Augmenter(parts, tokenizer, near, Augmentation(**settings))


def test_texts_get_other_words_in_their_places(made: Made) -> None:
    maker = augmenter(made, copies=5, chance=0.5)
    examples = [Example(text, label="1") for text in TEXTS]
    found = list(maker.examples(examples))
    assert [e for e in found if e.first in TEXTS] == examples  # each once, unchanged
    assert len(examples) * 3 < len(found) <= len(examples) * 6
    assert {e.label for e in found} == {"1"}
    assert {len(e.first.split()) for e in found} == {len(text.split()) for text in TEXTS}
    assert found == list(augmenter(made, copies=5, chance=0.5).examples(examples))
    assert found != list(augmenter(made, copies=5, chance=0.5, seed=2).examples(examples))
    assert list(augmenter(made, chance=0.0).examples(examples)) == examples


def test_words_of_one_piece_come_from_the_model_others_from_their_neighbours(made: Made) -> None:
    maker = augmenter(made, candidates=4)
    maker._neighbours = near = Recorded()  # type: ignore[assignment]
    encode = maker._encoding.tokenizer.encode
    text = "Xylophonists saw the man."
    found = {text[start:end]: others for start, end, others in maker.candidates(text)}
    whole = {w: encode(w, add_special_tokens=False).ids for w in text.rstrip(".").split()}
    assert near.asked == [w for w, ids in whole.items() if ids[1:] or ids[0] not in maker._whole]
    assert "Xylophonists" in near.asked and "the" not in near.asked
    assert found["Xylophonists"] == ["Other", "Another"]  # with the capital of its word
    ids = maker._encoding.pair(text, "").ids
    place = ids.index(whole["the"][0])
    ids[place] = maker._encoding.vocabulary.mask
    given = torch.tensor([ids])
    states = maker._model(given, given * 0, maker._model.layout(given > -1))
    logits = maker._head(states[0, place], maker._model.embeddings)[list(maker._whole)]
    order = [list(maker._whole.values())[n] for n in logits.argsort(descending=True).tolist()]
    assert found["the"] == [word for word in order if word != "the"][:4]


class Recorded:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, word: str, count: int) -> list[str]:
        self.asked.append(word)
        return ["other", "another"]


def test_neighbours_are_the_nearest_by_cosine(tmp_path: Path) -> None:
    (tmp_path / "glove.txt").write_text("king 1 0\nqueen 2 0.2\ncar 0 3\nlorry 0.1 1\n")
    near = Neighbours.of_file(str(tmp_path / "glove.txt"))
    assert near("King", 2) == ["queen", "lorry"]
    assert near("car", 1) == ["lorry"]
    assert near("unknown", 2) == []


@pytest.mark.parametrize("text", ["", "king 1 0\nqueen 2\n", "king one\n", "king\n"])
def test_a_file_without_vectors_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "glove.txt").write_text(text)
    with pytest.raises(SettingError, match=r"--vectors .*glove\.txt"):
        Neighbours.of_file(str(tmp_path / "glove.txt"))


@pytest.mark.parametrize("teacher", ["classification", "regression"])
def test_scores_are_learned_by_the_teachers(made: Made, teacher: str) -> None:
    one = student(made, teacher)
    saved = open_fine_tuned(str(made[teacher]), CPU)
    encoding = Encoding.of(saved.tokenizer, 32)
    batch = encoding.batch([encoding.pair(text, "") for text in TEXTS], CPU)
    one.student.eval()
    mine, wanted = head_scores(one.student, batch), head_scores(saved.parts, batch)
    want = functional.mse_loss(mine, wanted)
    if teacher == "classification":
        shares = wanted.softmax(-1)
        soft = functional.cross_entropy(mine, shares)
        want = soft + (shares * shares.log()).sum(-1).mean()  # less what no student can change
    torch.testing.assert_close(one.score_loss(batch, torch.arange(6), []), want)


@pytest.mark.parametrize("teacher", ["classification", "regression"])
def test_a_student_is_taught_and_opened_again(made: Made, tmp_path: Path, teacher: str) -> None:
    said: list[str] = []
    settings = TaskDistillation(layer_epochs=2, layer_lr=1e-2, epochs=4, lr=1e-2, batch=8)
    words = Augmentation(2, model=str(made["masked"]))
    models, rows = (str(made["small"]), str(made[teacher])), str(made["rows"])
    figures = distil(models, (rows, [rows]), settings, words, str(tmp_path / "out"), said.append)
    name = {"classification": "accuracy", "regression": "pearson"}[teacher]
    epochs = [float(line.rsplit(" ", 1)[1]) for line in said if name in line]
    assert len(epochs) == 4
    assert figures[f"rows {name}"] == pytest.approx(max(epochs), abs=1e-4)  # the best is kept
    layers = [float(line.rsplit(" ", 1)[1]) for line in said if line.startswith("layers")]
    assert len(layers) == 2 and layers[1] < layers[0]
    saved = open_fine_tuned(str(tmp_path / "out"), CPU)
    assert saved.name == teacher and saved.parts.model.settings.width == 16
    answers = predict(saved.parts, saved.tokenizer, saved.task, [Example(TEXTS[0])], CPU)
    assert "predicted" in answers[0]
    assert (tmp_path / "out" / "README.md").read_text().startswith("---")


def test_the_best_epoch_is_kept_not_the_last(made: Made) -> None:
    one = student(made, "classification", layer_epochs=0, epochs=3, lr=1e-2)
    states: list[dict[str, torch.Tensor]] = []
    values = iter([0.1, 0.9, 0.5])

    def judged(*_: Any) -> float:
        states.append({n: t.clone() for n, t in one.student.state_dict().items()})
        return next(values)

    one._judged = judged  # type: ignore[method-assign]
    tokenizer = open_fine_tuned(str(made["classification"]), CPU).tokenizer
    examples = [Example(text, label="1") for text in TEXTS]
    kept = one.run(examples, examples, tokenizer, print).state_dict()
    assert all(torch.equal(kept[name], states[1][name]) for name in kept)
    assert any(not torch.equal(kept[name], states[2][name]) for name in kept)


def other_heads(made: Made, folder: Path, tokens: Path) -> str:
    return str(export_teacher(folder / "heads", tokens, layers=2, heads=2))


def other_layers(made: Made, folder: Path, tokens: Path) -> str:
    return str(export_teacher(folder / "layers", tokens, layers=3))


@pytest.mark.parametrize(
    ("source", "message"),
    [(other_heads, "model.heads = 2, the teacher's 4"), (other_layers, "does not divide")],
)
def test_a_student_that_does_not_fit_is_said(
    made: Made, tmp_path: Path, encoder_tokens: Path,
    source: Callable[[Made, Path, Path], str], message: str,
) -> None:  # fmt: skip
    models = source(made, tmp_path, encoder_tokens), str(made["classification"])
    words = Augmentation(0)
    with pytest.raises(SettingError, match=message):
        distil(models, (str(made["rows"]), []), TaskDistillation(), words, None, print)


def test_other_words_need_a_model(made: Made) -> None:
    models = str(made["small"]), str(made["classification"])
    files = str(made["rows"]), list[str]()
    with pytest.raises(SettingError, match="need a masked language model"):
        distil(models, files, TaskDistillation(), Augmentation(), None, print)
