"""A fine-tuned model is the one that transformers opens, and theirs opens here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer

from pipeline.store.errors import SettingError, WebtextError
from trainer.data.tables import read_rows
from trainer.eval.task import read_items
from trainer.finetune.encoding import Encoding
from trainer.finetune.examples import Example, ExampleColumns
from trainer.finetune.predict import predict, predict_file
from trainer.finetune.saved import open_fine_tuned, save_fine_tuned
from trainer.finetune.train import head_scores
from trainer.models.encoder import Encoder
from trainer.models.parts import Parts
from trainer.models.task_head import TaskHead
from trainer.settings.model import EncoderSettings

transformers = pytest.importorskip(
    "transformers", reason="parity with Hugging Face needs `pip install transformers`"
)
CPU = torch.device("cpu")
KINDS = {
    "bert": {}, "albert": {"embedding": 16, "project": "always", "groups": 1},
    "electra": {"embedding": 16}, "distilbert": {"types": 0},
    "modernbert": {"norm_first": True, "positions": "rope", "types": 0, "gated": True,
                   "bias": False, "attention": "sliding", "global_every": 2, "band": 8,
                   "dropout": 0.0},
}  # fmt: skip
CLASSES = {"sequence": "AutoModelForSequenceClassification",
           "span": "AutoModelForQuestionAnswering",
           "choice": "AutoModelForMultipleChoice"}  # fmt: skip
TASKS = {"sequence": "classification", "choice": "multiple-choice", "span": "spans"}
EXAMPLES = {
    "sequence": Example("The old man.", "He went to the sea and slept."),
    "choice": Example("He went.", choices=(("He went.", "To the sea."), ("He went.", "Up."))),
    "span": Example("Where did he go?", "The old man went to the sea."),
}  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer_file(encoder_tokens: Path) -> Path:
    return encoder_tokens.parent.parent / "tokenizers" / "electra" / "tokenizer.json"


def model(kind: str, use: Any, vocab: int, labels: tuple[str, ...] = ("no", "so", "yes")) -> Parts:
    values = {"layers": 2, "width": 32, "heads": 2, "context": 64, "vocab": vocab} | KINDS[kind]
    settings = EncoderSettings.checked({"kind": "encoder", **values}, "test")
    head = TaskHead(settings, kind, use, labels if use == "sequence" else ())
    parts = Parts(kind, Encoder(settings), task=head).eval()
    generator = torch.Generator().manual_seed(1)
    for parameter in parts.parameters():
        torch.nn.init.normal_(parameter, 0.05, 0.3, generator=generator)
    return parts


@pytest.mark.parametrize("use", CLASSES)
@pytest.mark.parametrize("kind", KINDS)
def test_it_opens_there_and_here(tokenizer_file: Path, tmp_path: Path, kind: str, use: str) -> None:
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    parts = model(kind, use, tokenizer.get_vocab_size())
    save_fine_tuned(tmp_path, parts, tokenizer_file, (TASKS[use], ExampleColumns()), {}, "card")
    theirs = getattr(transformers, CLASSES[use]).from_pretrained(tmp_path).eval()
    their_tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    pairs = [("The old man.", "He went to the sea and slept."), ("He went.", "To the sea.")]
    encoding = Encoding.of(tokenizer, 64)
    mine = head_scores(parts, encoding.batch([encoding.pair(*pair) for pair in pairs], CPU))
    given = their_tokenizer([p[0] for p in pairs], [p[1] for p in pairs], padding=True,
                            return_tensors="pt")  # fmt: skip
    with torch.no_grad():
        if use == "choice":
            given = {name: tensor[None] for name, tensor in given.items()}
        want = theirs(**given)
    if use == "span":
        lengths = given["attention_mask"].sum(1).tolist()
        for row, length in enumerate(lengths):
            both = torch.stack([want.start_logits, want.end_logits], -1)[row, :length]
            torch.testing.assert_close(mine[row, :length], both, atol=1e-4, rtol=1e-4)
    else:
        logits = want.logits.reshape(mine.shape)
        torch.testing.assert_close(mine, logits, atol=1e-4, rtol=1e-4)
    theirs.save_pretrained(tmp_path / "theirs")
    their_tokenizer.save_pretrained(tmp_path / "theirs")
    answers = [
        predict(saved.parts, saved.tokenizer, saved.task, [EXAMPLES[use]], CPU)
        for saved in (open_fine_tuned(str(tmp_path / f), CPU) for f in ("", "theirs"))
    ]
    assert answers[0] == answers[1] and "predicted" in answers[0][0]
    if use == "sequence":
        assert list(answers[0][0]["scores"]) == ["no", "so", "yes"]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_predictions_of_a_file(tokenizer_file: Path, tmp_path: Path, suffix: str) -> None:
    vocab = Tokenizer.from_file(str(tokenizer_file)).get_vocab_size()
    save_fine_tuned(
        tmp_path / "model", model("electra", "sequence", vocab), tokenizer_file,
        ("classification", ExampleColumns()), {}, "",
    )  # fmt: skip
    saved = open_fine_tuned(str(tmp_path / "model"), CPU, text="said")
    rows = [{"said": "He went. " * (n % 5 + 1), "id": f"n{n}"} for n in range(150)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    out = tmp_path / f"out.{suffix}"
    assert predict_file(saved, str(tmp_path / "rows.jsonl"), str(out), ["id"], CPU) == 150
    found = list(read_rows(str(out)))
    assert [(int(row["row"]), row["id"]) for row in found] == [(n + 1, f"n{n}") for n in range(150)]
    first = found[0]["scores"]
    scores = json.loads(first) if suffix == "csv" else first
    assert sum(scores.values()) == pytest.approx(1, abs=1e-5)
    assert scores[found[0]["predicted"]] == max(scores.values())
    assert {row["predicted"] for row in found[0::5]} == {found[0]["predicted"]}  # the same text


def test_what_cannot_be_predicted_leaves_no_file(tokenizer_file: Path, tmp_path: Path) -> None:
    vocab = Tokenizer.from_file(str(tokenizer_file)).get_vocab_size()
    parts = model("bert", "sequence", vocab, ())
    save_fine_tuned(tmp_path / "m", parts, tokenizer_file, ("regression", ExampleColumns()), {}, "")
    saved = open_fine_tuned(str(tmp_path / "m"), CPU)
    out, rows = tmp_path / "out.jsonl", tmp_path / "rows.jsonl"
    rows.write_text('{"sentence": "He went."}\n{"sentence": null}\n')
    with pytest.raises(SettingError, match=r"rows.jsonl, row 2: its sentence is empty"):
        predict_file(saved, str(rows), str(out), [], CPU)
    rows.write_text('{"sentence": "He went."}\n')
    with pytest.raises(SettingError, match="has no 'id'"):
        predict_file(saved, str(rows), str(out), ["id"], CPU)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m", "rows.jsonl"]
    assert predict_file(saved, str(rows), str(out), [], CPU) == 1
    assert isinstance(json.loads(out.read_text())["predicted"], float)


UNLABELLED: dict[str, list[dict[str, Any]]] = {
    "hellaswag": [{"ctx": "He went", "endings": ["up.", "down."], "label": ""}],
    "piqa": [{"goal": "Go up.", "sol1": "Walk.", "sol2": "Sleep."}],
    "arc": [{"question": "Where?", "choices": {"text": ["Here.", "There."], "label": ["A", "B"]}}],
    "boolq": [{"passage": "He went.", "question": "did he go"}],
    "qa": [{"question": "Where?", "choices": ["Here.", "There."]}],
    "winogrande": [{"sentence": "The _ went.", "option1": "man", "option2": "sea", "answer": ""}],
}


@pytest.mark.parametrize("task", UNLABELLED)
def test_a_task_s_test_set_is_predicted_and_not_judged(
    tokenizer_file: Path, tmp_path: Path, task: str
) -> None:
    vocab = Tokenizer.from_file(str(tokenizer_file)).get_vocab_size()
    facts = (task, ExampleColumns())
    save_fine_tuned(tmp_path / "m", model("bert", "choice", vocab), tokenizer_file, facts, {}, "")
    rows, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows.write_text("\n".join(map(json.dumps, UNLABELLED[task])))
    saved = open_fine_tuned(str(tmp_path / "m"), CPU)
    assert predict_file(saved, str(rows), str(out), [], CPU) == 1
    assert json.loads(out.read_text())["predicted"] in (0, 1)
    with pytest.raises(SettingError, match="which choice is right|labels .* are missing"):
        saved.task.read_all(str(rows))
    with pytest.raises(SettingError, match="says that choice -1 is right|labels .* are missing"):
        read_items(task, str(rows))


@pytest.mark.parametrize(("change", "message"), [
    ({"problem_type": "multi_label_classification"}, "problem_type = 'multi_label_class"),
    ({"architectures": ["BertForTokenClassification"]}, "is not known here"),
    ({"architectures": ["BertModel"]}, "classifier.* has no counterpart here"),
    ({"id2label": {"0": "a", "2": "b", "1": "c", "5": "d"}}, "id2label has not the numbers"),
])  # fmt: skip
def test_heads_that_are_not_known(
    tokenizer_file: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    vocab = Tokenizer.from_file(str(tokenizer_file)).get_vocab_size()
    parts = model("bert", "sequence", vocab)
    save_fine_tuned(tmp_path, parts, tokenizer_file, ("classification", ExampleColumns()), {}, "")
    config = json.loads((tmp_path / "config.json").read_text()) | change
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(WebtextError, match=message):
        open_fine_tuned(str(tmp_path), CPU)
