"""Sentences' scores beside those that transformers' models give, one masked token at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from trainer.data.shard_set import find_shards
from trainer.data.tokenizers import read_tokenizer
from trainer.data.vocabulary import Vocabulary
from trainer.eval.pseudo import judge_pairs, sentence_scores
from trainer.eval.task import Item
from trainer.hf.folder import load_parts
from trainer.run.distributed import World

SENTENCES = ["The old man went home.", "He was.", "She said that it was not so and sat down."]
ALONE = World(0, 1, torch.device("cpu"))


def by_masking(model: Any, ids: list[int], mask: int) -> float:
    """The sum of log-likelihoods of the tokens, each masked alone."""
    total = 0.0
    for place in range(1, len(ids) - 1):
        asked = [*ids[:place], mask, *ids[place + 1 :]]
        said = model(torch.tensor([asked]))
        logits = said.prediction_logits if "prediction_logits" in said else said.logits
        logs = logits[0, place].log_softmax(0)
        total += float(logs[ids[place]])
    return total


def by_judging(model: Any, ids: list[int], mask: int) -> float:
    """The sum of log-likelihoods that the tokens are original; nothing is masked."""
    return float(functional.logsigmoid(-model(torch.tensor([ids])).logits[0, 1:-1]).sum())


@pytest.mark.parametrize(
    ("name", "score"),
    [("BertForPreTraining", by_masking), ("ElectraForMaskedLM", by_masking),
     ("ElectraForPreTraining", by_judging)],
)  # fmt: skip
@torch.no_grad()
def test_scores_are_those_of_transformers(
    encoder_tokens: Path, tmp_path: Path, name: str, score: Any
) -> None:
    transformers = pytest.importorskip("transformers", reason="pip install transformers")
    tokenizer = read_tokenizer(find_shards(str(encoder_tokens)).tokenizer)
    vocabulary = Vocabulary.of(tokenizer)
    kind = name.split("For", maxsplit=1)[0]
    shape = {"vocab_size": vocabulary.size, "hidden_size": 32, "num_hidden_layers": 2}
    shape |= {"num_attention_heads": 2, "intermediate_size": 64, "max_position_embeddings": 64}
    torch.manual_seed(0)
    theirs = getattr(transformers, name)(getattr(transformers, f"{kind}Config")(**shape)).eval()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, 0.05, 0.3)
    theirs.save_pretrained(tmp_path)
    parts = load_parts(tmp_path)
    mine = sentence_scores(parts, tokenizer, SENTENCES, ALONE)
    want = []
    for said in tokenizer.encode_batch(SENTENCES, add_special_tokens=False):
        want.append(score(theirs, [vocabulary.cls, *said.ids, vocabulary.sep], vocabulary.mask))
    assert mine.tolist() == pytest.approx(want, rel=1e-4)
    best = max(range(3), key=lambda n: want[n])
    items = [Item("", tuple(SENTENCES), best, "a"), Item("", tuple(SENTENCES), (best + 1) % 3, "b")]
    found = judge_pairs(parts, tokenizer, items, ALONE)
    assert [found[name] for name in ("accuracy", "a", "b")] == [0.5, 1.0, 0.0]
