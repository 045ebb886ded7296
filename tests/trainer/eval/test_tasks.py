from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from pipeline.store.errors import SettingError
from trainer.eval.few_shot import FewShot, with_examples
from trainer.eval.task import Item, read_items
from trainer.eval.zero_shot import Text, encode, log_likelihoods, measure_choices
from trainer.models.gpt import GPT
from trainer.run.distributed import World
from trainer.settings.recipe import ModelSettings

ALONE = World(0, 1, torch.device("cpu"))


@pytest.fixture(scope="module")
def model() -> GPT:
    gpt = GPT(ModelSettings(layers=2, width=32, heads=4, context=64, vocab=1024))
    gpt.init_weights(2)
    for block in gpt.blocks:  # far from uniform, so that likelihoods differ
        torch.nn.init.normal_(block.down.weight, 0, 0.5, generator=torch.Generator().manual_seed(1))
    return gpt.eval()


@pytest.fixture(scope="module")
def tokenizer(tokens: Path) -> Tokenizer:
    folder = tokens.parent.parent / "tokenizers" / "gpt2"
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def test_a_likelihood_is_the_sum_over_what_is_judged(model: GPT) -> None:
    ids = torch.randint(0, 1024, (1, 12), generator=torch.Generator().manual_seed(0))
    logs = model.logits(model(ids)).log_softmax(dim=2)[0]
    want = sum(float(logs[n - 1, ids[0, n]].detach()) for n in range(7, 12))
    # Beside longer and shorter texts, which pad it.
    texts = [Text(ids[0].tolist(), 7), Text([1, 2, 3], 1), Text(list(range(40)), 20)]
    sums, _ = log_likelihoods(model, texts, ALONE)
    assert float(sums[0]) == pytest.approx(want, rel=1e-4)


def test_greedy_means_that_each_token_was_the_likeliest(model: GPT) -> None:
    ids = [5]
    with torch.no_grad():
        for _ in range(4):
            ids.append(int(model.logits(model(torch.tensor([ids])))[0, -1].argmax()))
    wrong = [*ids[:-1], (ids[-1] + 1) % 1024]
    _, greedy = log_likelihoods(model, [Text(ids, 1), Text(wrong, 1)], ALONE)
    assert greedy.tolist() == [True, False]


def test_encoding_splits_where_the_context_ends(tokenizer: Tokenizer) -> None:
    text = encode(tokenizer, "The old man", "went home", 0, 65)
    assert tokenizer.decode(text.ids[text.start :]).strip() == "went home"
    alone = encode(tokenizer, "", "The old man", 0, 65)
    assert alone.ids[0] == 0 and alone.start == 1
    long = encode(tokenizer, "word " * 300, "went home", 0, 65)
    assert len(long.ids) == 65 and tokenizer.decode(long.ids[long.start :]).strip() == "went home"


def test_the_likelier_choice_is_the_answer(model: GPT, tokenizer: Tokenizer) -> None:
    items = [Item("", ("He goes home.", "He go home zebra."), n % 2, f"g{n % 2}") for n in range(6)]
    result = measure_choices(model, tokenizer, items, 0, FewShot(), ALONE)
    assert sorted((result["g0"], result["g1"])) == [0.0, 1.0] and result["accuracy"] == 0.5
    same = measure_choices(
        model, tokenizer, items, 0, FewShot(shots=2, normalise="unconditional"), ALONE
    )
    assert 0 <= same["accuracy"] <= 1


def test_examples_are_others_and_always_the_same() -> None:
    items = [Item(f"Question: {n}\nAnswer:", (f"right {n}", "wrong"), 0) for n in range(9)]
    prompted = with_examples(items, FewShot(shots=3))
    assert prompted == with_examples(items, FewShot(shots=3))
    for number, item in enumerate(prompted):
        assert item.context.endswith(f"\n\nQuestion: {number}\nAnswer:")
        assert item.context.count("Answer: right") == 3 and f"right {number}\n" not in item.context
    assert prompted != with_examples(items, FewShot(shots=3, seed=1))
    with pytest.raises(SettingError, match="too few for 9 shots"):
        with_examples(items, FewShot(shots=9))


@pytest.mark.system
def test_real_task_files_are_read(shared_data: Path) -> None:
    pairs = read_items("blimp", str(shared_data / "evaluation" / "blimp.ndjson.zst"))
    assert len(pairs) == 67_000 and len({item.group for item in pairs}) == 67
    goals = read_items("piqa", str(shared_data / "evaluation" / "piqa-valid.jsonl"))
    assert len(goals) == 1838 and {item.answer for item in goals} == {0, 1}


WIKIHOW = {
    "activity_label": "Home", "ctx_a": "[header] How to sit [title] Take a chair.",
    "ctx_b": "a man", "endings": ["sits [step] down .", "flies  off."], "label": "1",
}  # fmt: skip
CHOICES = {"text": ["a sun", "a moon"], "label": ["A", "B"]}
LISTED = [{"text": "a sun", "label": "A"}, {"text": "a moon", "label": "B"}]


@pytest.mark.parametrize(
    ("task", "row", "expected"),
    [
        ("hellaswag", {"ctx": "A man", "endings": ["sits", "flies"], "label": 1},
         Item("A man", ("sits", "flies"), 1)),
        ("hellaswag", WIKIHOW,
         Item("Home: How to sit. Take a chair. A man", ("sits down .", "flies off."), 1)),
        ("lambada", {"text": "He went to the sea \n"}, Item("He went to the", ("sea",), 0)),
        ("piqa", {"goal": "Sit", "sol1": "down", "sol2": "up", "label": 1},
         Item("Question: Sit\nAnswer:", ("down", "up"), 1)),
        ("arc", {"question": "What?", "choices": CHOICES, "answerKey": "B"},
         Item("Question: What?\nAnswer:", ("a sun", "a moon"), 1)),
        ("arc", {"question": {"stem": "What?", "choices": LISTED}, "answerKey": "A"},
         Item("Question: What?\nAnswer:", ("a sun", "a moon"), 0)),
        ("openbookqa", {"question_stem": "It shines:", "choices": CHOICES, "answerKey": "A"},
         Item("It shines:", ("a sun", "a moon"), 0)),
        ("boolq", {"passage": "P.", "question": "is it", "answer": True},
         Item("P.\nQuestion: is it?\nAnswer:", ("no", "yes"), 1)),
        ("copa", {"premise": "It rained.", "question": "effect", "choice1": "He got wet.",
                  "choice2": "He sang.", "label": 0},
         Item("It rained therefore", ("he got wet.", "he sang."), 0)),
        ("sciq", {"support": "S.", "question": "Q?", "distractor1": "a", "distractor2": "b",
                  "distractor3": "c", "correct_answer": "d"},
         Item("S.\nQuestion: Q?\nAnswer:", ("a", "b", "c", "d"), 3)),
        ("winogrande", {"sentence": "He saw _ there.", "option1": "Ann", "option2": "Bob",
                        "answer": "2"},
         Item("", ("there.",) * 2, 1, contexts=("He saw Ann", "He saw Bob"))),
        ("core", {"query": "Q: ", "choices": ["a", "b"], "gold": 1}, Item("Q:", ("a", "b"), 1)),
        ("core", {"context_options": ["x", "y "], "continuation": " is", "gold": 0},
         Item("", ("is", "is"), 0, contexts=("x", "y"))),
        ("core", {"context": "He went to the ", "continuation": "sea"},
         Item("He went to the", ("sea",), 0)),
        ("qa", {"question": "Is it?", "answer": "yes", "choices": ["yes", "no"], "context": "So."},
         Item("So.\nQuestion: Is it?\nAnswer:", ("yes", "no"), 0)),
        ("qa", {"question": "What?", "answer": "sea"},
         Item("Question: What?\nAnswer:", ("sea",), 0)),
    ],
)  # fmt: skip
def test_task_files(tmp_path: Path, task: str, row: dict[str, object], expected: Item) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text(json.dumps(row) + "\n")
    assert read_items(task, str(file)) == [expected]


@pytest.mark.parametrize(
    ("task", "text", "message"),
    [("nonsense", "{}", "no task has the name 'nonsense'.*Known: arc"),
     ("blimp", "{}", "row 1 is not in the form of this task: it has no 'sentence_good'"),
     ("blimp", "", "has no items"), ("blimp", "{", "line 1 is no JSON"),
     ("piqa", '{"goal": "g", "sol1": "a", "sol2": "b"}', "labels .* are missing"),
     ("hellaswag", '{"ctx": "a", "endings": ["b"], "label": ""}', "Test sets without answers"),
     ("hellaswag", '{"ctx": "a", "endings": ["b"], "label": -1}', "item 1 says that choice -1"),
     ("lambada", '{"text": "word "}', "a single word"),
     ("qa", '{"question": "q", "answer": "a", "choices": ["b"]}', "not among its choices")],
)  # fmt: skip
def test_bad_task_files(tmp_path: Path, task: str, text: str, message: str) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text(text)
    with pytest.raises(SettingError, match=message):
        read_items(task, str(file))


def test_choices_that_differ_in_front_are_compared_by_what_follows(
    model: GPT, tokenizer: Tokenizer
) -> None:
    items = [Item("", ("there.",) * 2, 0, contexts=("He saw the", "Zebra zebra zebra"))]
    texts = [encode(tokenizer, one, "there.", 0, 65) for one in items[0].contexts]
    sums, _ = log_likelihoods(model, texts, ALONE)
    right = measure_choices(model, tokenizer, items, 0, FewShot(), ALONE)["accuracy"]
    assert right == float(sums[0] > sums[1])
    (prompted,) = with_examples([*items, *items], FewShot(shots=1))[:1]
    assert prompted.contexts[0] == "He saw the there.\n\nHe saw the"


def test_per_token_normalisation_divides_by_tokens(model: GPT, tokenizer: Tokenizer) -> None:
    item = Item("The old man", ("went", "went home and slept in the house"), 0)
    texts = [encode(tokenizer, item.context, choice, 0, 65) for choice in item.choices]
    sums, _ = log_likelihoods(model, texts, ALONE)
    counts = torch.tensor([len(text.ids) - text.start for text in texts])
    best = int((sums / counts).argmax())
    found = measure_choices(model, tokenizer, [item], 0, FewShot(normalise="tokens"), ALONE)
    assert found["accuracy"] == float(best == 0)
    assert found["accuracy_low"] <= found["accuracy"] <= found["accuracy_high"]
