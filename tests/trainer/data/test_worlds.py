"""Equal batches however a step is shared out, and from wherever the run goes on."""

from __future__ import annotations

import hashlib
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from forks import Command, run_python
from token_corpora import numbered_corpus

from pipeline.store.errors import WebtextError
from trainer.data.shard_set import find_shards
from trainer.data.stream import Stream
from trainer.loop.feed import Feed
from trainer.optim.batch_schedule import Batches
from trainer.settings.data import DataSettings

GROWING = Batches(full=24, steps=9, start=7, warmup=3.0)
FULL = Batches(full=24, steps=9, start=0, warmup=0.0)
CHOSEN = DataSettings(block=64, window=5, weights=(2, 1))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two corpora, of which the second is over several times in 200 samples."""
    folder = tmp_path_factory.mktemp("worlds")
    one = numbered_corpus(folder / "one", [1000, 801])
    two = numbered_corpus(folder / "two", [333], first=20_000)
    return f"{one},{two}"


def stream_of(data: str) -> Stream:
    return Stream(find_shards(data), "train", 16, 3, settings=CHOSEN)


def steps_of(
    data: str, batches: Batches, world: int, micro: int, consumed: int = 0
) -> list[tuple[int, np.ndarray]]:
    """First sample and rows of each step, as all processes together see them."""
    feeds = [Feed(stream_of(data), batches, consumed, micro, r, world) for r in range(world)]
    steps = []
    for shares in zip(*feeds, strict=True):
        assert len({share.rows.shape for share in shares}) == 1
        rows = torch.cat([share.rows.flatten(0, 1) for share in shares])
        rows = rows[(rows >= 0).any(dim=1)]
        assert len(rows) == shares[0].size
        steps.append((shares[0].first, rows.numpy()))
    for feed in feeds:
        feed.close()
    return steps


@pytest.fixture(scope="module")
def alone(mixed: str) -> dict[Batches, list[tuple[int, np.ndarray]]]:
    return {batches: steps_of(mixed, batches, 1, 0) for batches in (GROWING, FULL)}


@pytest.mark.parametrize("batches", [GROWING, FULL], ids=["growing", "full"])
@pytest.mark.parametrize("world", [1, 2, 4, 8])
@pytest.mark.parametrize("micro", [1, 3, 5, 24])
def test_batches_are_equal_bit_for_bit(
    mixed: str,
    alone: dict[Batches, list[tuple[int, np.ndarray]]],
    batches: Batches,
    world: int,
    micro: int,
) -> None:
    found = steps_of(mixed, batches, world, micro)
    assert [first for first, _ in found] == [first for first, _ in alone[batches]]
    for (_, rows), (_, whole) in zip(found, alone[batches], strict=True):
        assert rows.dtype == np.int32 and rows.tobytes() == whole.tobytes()


def test_a_run_goes_on_from_one_integer(
    mixed: str, alone: dict[Batches, list[tuple[int, np.ndarray]]]
) -> None:
    whole = alone[GROWING]
    for step, (first, _) in enumerate(whole):
        rest = steps_of(mixed, GROWING, 2, 4, consumed=first)
        assert [(f, r.tobytes()) for f, r in rest] == [(f, r.tobytes()) for f, r in whole[step:]]


def test_the_end_of_an_epoch_lies_inside_a_batch(mixed: str) -> None:
    stream = stream_of(mixed)
    first = 2 * stream.samples - 7
    whole = stream.batch(first, 40)
    assert (np.concatenate([stream.batch(first + n, 1) for n in range(40)]) == whole).all()


def test_what_goes_wrong_in_the_thread_is_raised_in_the_loop(tmp_path: Path) -> None:
    corpus = numbered_corpus(tmp_path / "corpus", [4000])
    endless = Batches(24, 10**6, 0, 0.0)
    feed = Feed(Stream(find_shards(str(corpus)), "train", 16), endless, 0, 0, 0, 1)
    steps = iter(feed)
    assert next(steps).size == 24
    (corpus / "2024-01" / "train-00000-of-00001.bin").unlink()
    with pytest.raises(WebtextError, match="was replaced, cut or removed"):
        for _ in steps:
            pass
    feed.close()


RUN = """
import hashlib, sys
from trainer.optim.batch_schedule import Batches
from trainer.settings.data import DataSettings
from trainer.data.shard_set import find_shards
from trainer.data.stream import Stream
from trainer.loop.feed import Feed
data, consumed, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
stream = Stream(
    find_shards(data), "train", 16, 3, settings=DataSettings(block=64, window=5, weights=(2, 1))
)
for step in Feed(stream, Batches(24, steps, 0, 0.0), consumed, 5, 0, 1):
    rows = step.rows.flatten(0, 1)[: step.size].numpy()
    print(step.first, hashlib.sha256(rows.tobytes()).hexdigest(), flush=True)
"""


def test_killed_and_resumed_the_steps_are_those_of_the_whole_run(mixed: str) -> None:
    killed = Command("-c", RUN, mixed, "0", "100000", folder=".")
    while killed.output().count("\n") < 40:
        assert killed.poll() is None, killed.output()
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    lines = killed.output().splitlines()[:40]
    resumed = run_python("-c", RUN, mixed, str(40 * 24), "60", folder=".")
    assert resumed.returncode == 0, resumed.stdout
    stream = stream_of(mixed)
    wanted = [
        f"{n * 24} {hashlib.sha256(stream.batch(n * 24, 24).tobytes()).hexdigest()}"
        for n in range(60)
    ]
    assert lines + resumed.stdout.splitlines() == wanted
