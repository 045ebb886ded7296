"""The loss over a vocabulary and both gradients: a few rows of logits at a time, and all at once.

    python benchmarks/cross_entropy.py
    python benchmarks/cross_entropy.py --rows 2048 --vocab 50304 --width 768 --device cuda

Median time of `--turns` turns, each way once in a turn: processor time of one thread on a CPU, else
the device's.  The peer is `functional.cross_entropy` over logits that are there all at once, as a
decoder's loss is written everywhere; "products" are the three matrix products alone, which no way
can do without.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from trainer.objectives.cross_entropy import Chunked

#: Logits alive at a time that are tried, in MB of fp32.
_MEGABYTES = (3, 6, 9, 12, 24)


def main() -> None:
    """Prints one JSON object: milliseconds of each way, and the peer's over them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=768, help="12 sequences of 64 tokens")
    parser.add_argument("--vocab", type=int, default=8192)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--turns", type=int, default=25)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    device = torch.device(arguments.device)
    hidden = torch.randn(arguments.rows, arguments.width, device=device, requires_grad=True)
    head = torch.randn(arguments.vocab, arguments.width, device=device).mul_(0.02).requires_grad_()
    targets = torch.randint(arguments.vocab, (arguments.rows,), device=device)
    ways: dict[str, Callable[[], None]] = {
        "products": partial(products, hidden, head),
        "all at once": partial(peer, hidden, head, targets),
    }
    for megabytes in _MEGABYTES:
        rows = max(megabytes * (1 << 18) // arguments.vocab, 1)
        ways[f"{megabytes} MB"] = partial(chunked, hidden, head, targets, rows)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.turns):
        for name, way in ways.items():
            hidden.grad = head.grad = None
            times[name].append(milliseconds(way, device))
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratios = {name: round(medians["all at once"] / value, 3) for name, value in medians.items()}
    print(json.dumps({"milliseconds": medians, "times all at once": ratios}, indent=1))


def products(hidden: Tensor, head: Tensor) -> None:
    """Logits, and two products of their size."""
    with torch.no_grad():
        logits = hidden @ head.T
        _ = logits @ head, logits.T @ hidden


def peer(hidden: Tensor, head: Tensor, targets: Tensor) -> None:
    """What PyTorch's own functions do."""
    functional.cross_entropy(hidden @ head.T, targets, reduction="sum").backward()


def chunked(hidden: Tensor, head: Tensor, targets: Tensor, rows: int) -> None:
    """Ours, `rows` at a time."""
    total, _ = Chunked.apply(hidden, head, None, targets, None, head.shape[0], rows)
    total.backward()


def milliseconds(way: Callable[[], None], device: torch.device) -> float:
    """Of processor time, or on a GPU until all is done."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    began = clock()
    way()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return 1000 * (clock() - began)


if __name__ == "__main__":
    main()
