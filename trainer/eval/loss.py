"""Validation loss, perplexity and bits per byte over a fixed set of sequences."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule

from trainer.data.samples import Samples
from trainer.data.stream import Stream
from trainer.objectives.base import Objective
from trainer.run.distributed import World


def token_bytes(tokenizer: Path) -> NDArray[np.int64] | None:
    """Bytes of text of each token of a byte-level tokenizer; None for another kind.

    A byte-level token is written with one character a byte; special tokens are no text.
    """
    values = json.loads(tokenizer.read_text(encoding="utf-8"))
    if values["model"]["type"] != "BPE" or (values.get("decoder") or {}).get("type") != "ByteLevel":
        return None
    vocabulary: dict[str, int] = values["model"]["vocab"]
    special = {token["id"]: 0 for token in values["added_tokens"]}
    sizes = np.zeros(max([*vocabulary.values(), *special]) + 1, dtype=np.int64)
    for text, number in vocabulary.items():
        sizes[number] = len(text)
    sizes[list(special)] = 0
    return sizes


def unigram_entropy(stream: Stream, vocab: int) -> float:
    """Entropy of the split's tokens on their own, in nats: what frequency alone achieves."""
    counts = stream.histogram(vocab).astype(np.float64)
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


@torch.no_grad()
def evaluate(
    unit: nn.Module,
    objective: Objective,
    stream: Samples,
    sequences: int,
    micro: int,
    world: World,
    bf16: bool,
    sizes: NDArray[np.int64] | None = None,
) -> dict[str, float]:
    """Mean of each loss term over the first `sequences` samples (0: all) of `stream`.

    Batch n of `micro` samples is that of process n modulo their number, and the batches' sums are
    added up in their order: the result is the same to the last bit for any number of processes (of
    as many threads, which share out the sums within a batch).  `perplexity` is exp(loss), of an
    encoder that of its masked tokens, and `loss` the weighted sum of its terms; with
    `sizes`, the bytes of each token, `bits_per_byte` compares models with different tokenizers.
    The objective's other figures are left out under FSDP, which knows its forward pass only.
    """
    if not objective.of_all_tokens:
        sizes = None  # a masked token is no share of the text
    total = min(sequences or stream.samples, stream.samples)
    batches = -(-total // micro)
    rounds = -(-batches // world.size)  # as many for each process: FSDP's passes are common
    shape = (rounds * world.size, 2, len(objective.weights))
    found = torch.zeros(shape, dtype=torch.float64, device=world.device)
    tallies: dict[str, Tensor] = {}
    text = torch.zeros((), dtype=torch.int64, device=world.device)
    training = unit.training
    unit.eval()
    for number in range(world.rank, rounds * world.size, world.size):
        rows, count = _batch(stream, number, micro, total)
        if sizes is not None:
            text += int(sizes[rows[:count, 1:]].sum())
        filled = (rows >= 0).sum(1)
        batch = objective.prepare(torch.from_numpy(rows).to(world.device), filled)
        with torch.autocast(world.device.type, torch.bfloat16, enabled=bf16):
            terms = unit(batch)
            counted = {} if isinstance(objective, FSDPModule) else objective.tallies(batch)
        for name, tally in counted.items():
            tallies[name] = tallies[name] + tally if name in tallies else tally
        for row, values in enumerate((terms, objective.counts(batch))):
            found[number, row] = torch.stack([values[name] for name in objective.weights])
    unit.train(training)
    sums = world.add(found)[:batches].sum(0)  # a row is one process's: the others add 0
    world.add(text)
    result = _means(objective, sums, int(text) if sizes is not None else None)
    if tallies:
        result |= objective.summary({name: world.add(tally) for name, tally in tallies.items()})
    return result


def _batch(stream: Samples, number: int, micro: int, total: int) -> tuple[NDArray[np.int32], int]:
    """(micro, length + 1) tokens of batch `number`, and how many rows are samples: -1 in others."""
    first = min(number * micro, total)
    count = min(micro, total - first)
    rows = np.full((micro, stream.length + 1), -1, dtype=np.int32)
    rows[:count] = stream.batch(first, count)
    return rows, count


def _means(objective: Objective, sums: Tensor, text_bytes: int | None) -> dict[str, float]:
    """Each term's mean, their weighted sum, and what the first says of text."""
    means = (sums[0] / sums[1].clamp_min(1)).tolist()
    result = dict(zip(objective.weights, means, strict=True))
    result["loss"] = sum(w * result[name] for name, w in objective.weights.items())
    if objective.has_perplexity:
        result["perplexity"] = math.exp(min(means[0], 700.0))
    if text_bytes is not None:
        result["bits_per_byte"] = float(sums[0, 0]) / math.log(2) / max(text_bytes, 1)
    return result
