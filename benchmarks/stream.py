"""Ready batches from token shards: ours beside a bare memmap loop and other people's loaders.

    python benchmarks/stream.py                                       # ours and what needs no peer
    python benchmarks/stream.py --peers .venv-peers/bin/python        # after `make peers`

All read the same random tokens (uint16) in samples of `--length` + 1, in random order over the
whole set, and give batches of `--batch` samples as one array or tensor.  The files are in the
page cache, each contender is a process of its own on one core, and rounds are taken in turns;
figures are medians of tokens a second, and their ratios to the bare loop of the same round.
A loader that starts worker processes may use `--workers` of them, on the same core.
The remote part reads our shards over HTTP from a server that waits 30 ms before each answer,
with an empty cache and then with a full one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np

SHARD = 16_777_216  # tokens


def main() -> None:
    """Runs what the command line asks for and prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=100_000_000)
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of one measurement")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--peers", help="Python of the peers' environment")
    parser.add_argument("--latency", type=float, default=0.03)
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contender:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        prepare, batches = CONTENDERS[arguments.contender]
        if prepare is not None:
            prepare(arguments)
        print(json.dumps(measure(batches(arguments), arguments.seconds)))
        return
    with tempfile.TemporaryDirectory() as folder:
        arguments.folder = Path(folder)
        write_shards(arguments)
        print(json.dumps({"local": local(arguments), "remote": remote(arguments)}, indent=1))


def write_shards(arguments: argparse.Namespace) -> None:
    """A corpus of random tokens with our own writer, and the same as one file."""
    from pipeline.tokens.megatron import Writer

    draw = np.random.default_rng(0)
    folder = arguments.folder / "corpus" / "tokens" / "gpt2" / "2024-01"
    folder.mkdir(parents=True)
    count = -(-arguments.tokens // SHARD)
    with (arguments.folder / "all.bin").open("wb") as whole:
        for number in range(count):
            name = f"train-{number:05d}-of-{count:05d}"
            tokens = draw.integers(0, 50_257, SHARD, dtype=np.uint16)
            whole.write(tokens.data)
            with Writer(str(folder / name), np.dtype("<u2")) as writer:
                sentences = np.full(SHARD // 32, 32)
                writer.add_many(tokens, sentences, np.full(len(sentences) // 32, 32))


def local(arguments: argparse.Namespace) -> dict[str, Any]:
    """Medians and ratios of all contenders that can run here."""
    rates: dict[str, list[float]] = {}
    left_out: dict[str, str] = {}
    for _ in range(arguments.rounds):
        for name in CONTENDERS:
            if name in left_out:
                continue
            found = run(arguments, name)
            if isinstance(found, str):
                left_out[name] = found
            else:
                rates.setdefault(name, []).append(found)
    bare = rates["bare memmap loop"]
    said: dict[str, Any] = {
        name: {
            "tokens_per_second": round(statistics.median(values)),
            "ratio": round(statistics.median(v / b for v, b in zip(values, bare, strict=True)), 3),
        }
        for name, values in rates.items()
    }
    return said | {name: f"not run: {why}" for name, why in left_out.items()}


def run(arguments: argparse.Namespace, name: str) -> float | str:
    """Tokens a second of one contender in a process of its own, or why it could not run."""
    theirs = name in PEERS
    if theirs and not arguments.peers:
        return "needs --peers"
    command = [arguments.peers if theirs else sys.executable, __file__, "--contender", name]
    for option in ("folder", "tokens", "length", "batch", "workers", "seconds"):
        command += [f"--{option}", str(getattr(arguments, option))]
    environment = os.environ | {"PYTHONPATH": ".", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1][:200]
    return float(json.loads(done.stdout.splitlines()[-1]))


def measure(batches: Iterator[Any], seconds: float) -> float:
    """Tokens a second, after one for warming up; of a sample's, all but its last target."""
    stop = time.perf_counter() + 1.0
    while time.perf_counter() < stop:
        next(batches)
    count, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        rows = next(batches)
        count += rows.shape[0] * (rows.shape[1] - 1)
    return count / passed


def places(arguments: argparse.Namespace) -> Iterator[int]:
    """Starts of samples in random order, without end."""
    count = arguments.tokens // arguments.length - 1
    draw = np.random.default_rng(1)
    while True:
        yield from (draw.permutation(count) * arguments.length).tolist()


def bare(arguments: argparse.Namespace) -> Iterator[Any]:
    """The least that can be done: slices of a memory map into the rows of a new array."""
    tokens = np.memmap(arguments.folder / "all.bin", np.uint16, mode="r")
    starts, width = places(arguments), arguments.length + 1
    while True:
        rows = np.empty((arguments.batch, width), np.int32)
        for row in rows:
            start = next(starts)
            row[:] = tokens[start : start + width]
        yield rows


def ours(arguments: argparse.Namespace) -> Iterator[Any]:
    """What the training loop gets: `trainer.loop.feed`."""
    return feed(arguments, str(arguments.folder / "corpus"))


def feed(arguments: argparse.Namespace, root: str, **settings: Any) -> Iterator[Any]:
    """Batches of `trainer.loop.feed` from the shards at `root`."""
    from trainer.data.shard_set import Generation, Interval, Shards, TokenCorpus
    from trainer.data.stream import Stream
    from trainer.loop.feed import Feed
    from trainer.optim.batch_schedule import Batches
    from trainer.settings.data import DataSettings

    here = arguments.folder / "corpus"
    sizes = {
        f"{root}/{path.relative_to(here).with_suffix('')}": path.stat().st_size
        for path in sorted(here.glob("**/*.bin"))
    }
    corpus = TokenCorpus(
        root, "gpt2", (Interval("2024-01", "0", sizes),), (Generation(0, ("2024-01",), "0"),)
    )
    chosen = DataSettings(**settings)
    stream = Stream(Shards((corpus,)), "train", arguments.length, 1, settings=chosen)
    steps = Feed(stream, Batches(arguments.batch, 10**9, 0, 0.0), 0, 0, 0, 1)
    try:
        yield from (step.rows[0] for step in steps)
    finally:
        steps.close()
        stream.close()


def data_loader(arguments: argparse.Namespace) -> Iterator[Any]:
    """torch's DataLoader over a memory map."""
    import torch
    from torch.utils.data import DataLoader, Dataset

    tokens = np.memmap(arguments.folder / "all.bin", np.uint16, mode="r")

    class Windows(Dataset[Any]):
        def __len__(self) -> int:
            return int(arguments.tokens // arguments.length - 1)

        def __getitem__(self, index: int) -> Any:
            start = index * arguments.length
            return torch.from_numpy(tokens[start : start + arguments.length + 1].astype(np.int32))

    while True:
        yield from DataLoader(
            Windows(), arguments.batch, shuffle=True, num_workers=arguments.workers
        )


def samples(arguments: argparse.Namespace) -> Iterator[Any]:
    """All samples in order, for loaders that want a format of their own."""
    tokens = np.memmap(arguments.folder / "all.bin", np.uint16, mode="r")
    for start in range(0, arguments.tokens - arguments.length, arguments.length):
        yield np.array(tokens[start : start + arguments.length + 1])


def without_torchvision() -> None:
    """mosaicml-streaming imports torchvision for data sets of pictures, which are not used here."""
    names = ("datasets", "datasets.vision", "transforms", "transforms.functional")
    for name in ("torchvision", *(f"torchvision.{name}" for name in names)):
        module = types.ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        for wanted in ("VisionDataset", "CIFAR10", "to_tensor"):
            setattr(module, wanted, type(wanted, (), {}))
        sys.modules.setdefault(name, module)


def write_mds(arguments: argparse.Namespace) -> None:
    """mosaicml-streaming's shards."""
    without_torchvision()
    from streaming import MDSWriter

    width = arguments.length + 1
    out = arguments.folder / "mds"
    if not out.exists():
        with MDSWriter(out=str(out), columns={"t": f"ndarray:uint16:{width}"}) as writer:
            for sample in samples(arguments):
                writer.write({"t": sample})


def mosaic(arguments: argparse.Namespace) -> Iterator[Any]:
    """mosaicml-streaming with its default shuffle."""
    import torch
    from streaming import StreamingDataset
    from torch.utils.data import DataLoader

    def collate(rows: list[dict[str, Any]]) -> Any:
        return torch.from_numpy(np.stack([row["t"] for row in rows]).astype(np.int32))

    data = StreamingDataset(
        local=str(arguments.folder / "mds"), shuffle=True, batch_size=arguments.batch
    )
    while True:
        yield from DataLoader(
            data, arguments.batch, num_workers=arguments.workers, collate_fn=collate
        )


def write_litdata(arguments: argparse.Namespace) -> None:
    """litdata's chunks of tokens."""
    import torch
    from litdata.streaming.item_loader import TokensLoader
    from litdata.streaming.writer import BinaryWriter

    out = arguments.folder / "litdata"
    if out.exists():
        return
    # What `litdata.optimize` does in one of its workers, without starting them.
    size = arguments.length + 1
    writer = BinaryWriter(
        str(out), chunk_size=size * 4096, item_loader=TokensLoader(block_size=size)
    )
    for number, sample in enumerate(samples(arguments)):
        writer[number] = torch.from_numpy(sample)
    writer.done()
    writer.merge(1)


def litdata(arguments: argparse.Namespace) -> Iterator[Any]:
    """litdata's StreamingDataset with its TokensLoader."""
    import torch
    from litdata import StreamingDataLoader, StreamingDataset, TokensLoader

    data = StreamingDataset(
        str(arguments.folder / "litdata"),
        item_loader=TokensLoader(block_size=arguments.length + 1),
        shuffle=True,
    )
    loader = StreamingDataLoader(data, batch_size=arguments.batch, num_workers=arguments.workers)
    while True:
        for rows in loader:
            yield rows.to(torch.int32)


def write_tar(arguments: argparse.Namespace) -> None:
    """webdataset's tar files."""
    import webdataset

    out = arguments.folder / "tar"
    if not out.exists():
        out.mkdir()
        with webdataset.ShardWriter(f"{out}/%05d.tar", maxcount=16_384, verbose=0) as writer:
            for number, sample in enumerate(samples(arguments)):
                writer.write({"__key__": f"{number:08d}", "t.bin": sample.tobytes()})


def tar(arguments: argparse.Namespace) -> Iterator[Any]:
    """webdataset with a shuffle buffer of 1,000 samples."""
    import torch
    import webdataset

    urls = sorted(str(path) for path in (arguments.folder / "tar").glob("*.tar"))

    def rows(sample: dict[str, bytes]) -> Any:
        return torch.from_numpy(np.frombuffer(sample["t.bin"], np.uint16).astype(np.int32))

    while True:
        data = webdataset.WebDataset(urls, shardshuffle=len(urls)).shuffle(1000).map(rows)
        yield from webdataset.WebLoader(
            data, batch_size=arguments.batch, num_workers=arguments.workers
        )


def remote(arguments: argparse.Namespace) -> dict[str, Any]:
    """Tokens a second over HTTP, opening included, with an empty cache and with a full one."""
    cache = arguments.folder / "cache"
    command = [sys.executable, "-m", "benchmarks.range_server", str(arguments.folder / "corpus")]
    command += ["--latency", str(arguments.latency)]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": "."}
    )
    try:
        assert server.stdout is not None
        root = server.stdout.readline().strip()
        said: dict[str, Any] = {"latency": arguments.latency}
        for name in ("empty_cache", "full_cache"):
            began, count, wanted = time.perf_counter(), 0, arguments.tokens * 9 // 10
            for rows in feed(arguments, root, cache=str(cache), window=16, cache_gb=4.0):
                if not count:
                    said[f"{name}_first_batch_seconds"] = round(time.perf_counter() - began, 2)
                count += rows.shape[0] * (rows.shape[1] - 1)
                if count >= wanted:
                    break
            said[f"{name}_tokens_per_second"] = round(count / (time.perf_counter() - began))
    finally:
        server.kill()
        server.wait()
    shutil.rmtree(cache)
    return said


#: Name -> what writes its format (None: nothing), what gives batches.
CONTENDERS: dict[str, tuple[Callable[..., None] | None, Callable[..., Iterator[Any]]]] = {
    "bare memmap loop": (None, bare),
    "webtext": (None, ours),
    "DataLoader over a memmap": (None, data_loader),
    "mosaicml-streaming": (write_mds, mosaic),
    "litdata": (write_litdata, litdata),
    "webdataset": (write_tar, tar),
}
PEERS = {"mosaicml-streaming", "litdata", "webdataset"}

if __name__ == "__main__":
    main()
