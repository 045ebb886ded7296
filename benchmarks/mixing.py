"""How well the two-level order mixes: its batches beside those of a full shuffle.

    python benchmarks/mixing.py                     # 20 million samples
    python benchmarks/mixing.py --window 16         # fewer blocks, worse mixing

No text is read: a model of a corpus is enough.  Samples lie in a row; documents take a
geometric number of them in a row (`--document` on average), so neighbours in the row are alike, and
each document has a topic.  For batches of consecutive samples it counts the share of samples
with a companion of the same document in the batch, the share with a neighbour of the row in
the batch, and the variance over batches of the topics' mean, in units of that of independent
draws.  As the shards of a corpus are in hash order, nothing else makes neighbours alike.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

import numpy as np

from trainer.data.order import Order, Places, order_key


def main() -> None:
    """Prints one JSON object: full shuffle, two levels, and no shuffle."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=20_000_000)
    parser.add_argument("--block", type=int, default=1024, help="samples of a block")
    parser.add_argument("--window", type=int, default=128, help="blocks of a window")
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--batches", type=int, default=2000)
    parser.add_argument("--document", type=float, default=4.0, help="samples of a document")
    arguments = parser.parse_args()
    draw = np.random.default_rng(0)
    size = arguments.samples
    document = np.cumsum(draw.random(size) < 1 / arguments.document)
    topic = draw.standard_normal(int(document[-1]) + 1)
    said = {}
    for name, block, window, key in (
        ("full shuffle", size, 1, 1),
        ("two levels", arguments.block, arguments.window, 1),
        ("no shuffle", arguments.block, arguments.window, None),
    ):
        order = Order(size, None if key is None else order_key("mixing", key), block, window)
        batches = chosen(order, arguments.batch, arguments.batches)
        said[name] = judge(batches, document, topic)
    print(json.dumps(said, indent=1))


def chosen(order: Order, batch: int, batches: int) -> Iterator[Places]:
    """Batches spread evenly over the epoch."""
    for number in range(batches):
        first = (order.size - batch) * number // batches
        yield order.places(np.arange(first, first + batch))


def judge(batches: Iterator[Places], document: Places, topic: np.ndarray) -> dict[str, float]:
    """The three measures over all batches."""
    companions, neighbours, means, count = 0, 0, [], 0
    for places in batches:
        count += len(places)
        owners = document[places]
        _, inverse, times = np.unique(owners, return_inverse=True, return_counts=True)
        companions += int((times[inverse] > 1).sum())
        neighbours += int(np.isin(places + 1, places).sum())
        means.append(topic[owners].mean())
    return {
        "with_companion_of_document": round(companions / count, 5),
        "with_next_of_row": round(neighbours / count, 5),
        "variance_of_batch_mean": round(float(np.var(means)) * count / len(means), 3),
    }


if __name__ == "__main__":
    main()
