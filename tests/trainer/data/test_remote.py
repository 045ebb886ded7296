"""Shards behind an address: HTTP on loopback, late, failing, cut and replaced."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest
from forks import Command
from token_corpora import numbered_corpus

from benchmarks.range_server import Behaviour, serve
from pipeline.store.errors import SettingError, WebtextError
from trainer.data import remote
from trainer.data.encoder import EncoderSamples
from trainer.data.pack import Packing
from trainer.data.shard_set import find_shards
from trainer.data.stream import Stream
from trainer.settings.data import DataSettings

SIZES = [40_000, 25_001, 35_003]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return numbered_corpus(tmp_path / "corpus", SIZES)


@pytest.fixture
def behaviour(monkeypatch: pytest.MonkeyPatch) -> Behaviour:
    monkeypatch.setattr(remote, "_FIRST_PAUSE", 0.001)
    return Behaviour()


@pytest.fixture
def address(corpus: Path, behaviour: Behaviour) -> Iterator[str]:
    with serve(corpus.parent.parent, behaviour) as found:
        yield f"{found}/tokens/gpt2"


def chosen(folder: Path, **more: object) -> DataSettings:
    return DataSettings(block=2000, window=6, cache=str(folder / "cache"), **more)


def stream_of(data: str, folder: Path, **more: object) -> Stream:
    return Stream(find_shards(data), "train", 50, 3, settings=chosen(folder, **more))


def test_remote_samples_are_the_local_ones(corpus: Path, address: str, tmp_path: Path) -> None:
    here, there = stream_of(str(corpus), tmp_path), stream_of(address, tmp_path)
    assert there.samples == here.samples
    for first in range(0, here.samples + 40, 37):
        assert (here.batch(first, 37) == there.batch(first, 37)).all()
    assert (here.histogram(60_000) == there.histogram(60_000)).all()
    there.close()


def test_remote_chunks_are_the_local_ones(corpus: Path, address: str, tmp_path: Path) -> None:
    streams = [
        EncoderSamples(find_shards(data), "train", Packing(45, 0.1), 3, settings=chosen(tmp_path))
        for data in (str(corpus), address)
    ]
    for one, other in zip(*(s.take(0, 300) for s in streams), strict=True):
        assert (one.tokens == other.tokens).all() and (one.ends == other.ends).all()
        assert (one.document, one.piece) == (other.document, other.piece)
    streams[1].close()


def test_shards_with_llm_cs_header_give_the_same_samples(
    corpus: Path, address: str, tmp_path: Path
) -> None:
    """Windows and chunks, local and remote: the header is no token, and no bound moves."""
    root = corpus.parent.parent
    numbered_corpus(root / "headed", SIZES, header=True)
    plain = Stream(find_shards(str(corpus)), "train", 50, settings=chosen(tmp_path))
    pieces = EncoderSamples(
        find_shards(str(corpus)), "train", Packing(45), settings=chosen(tmp_path)
    )
    for data in (f"{root}/headed/tokens/gpt2", address.replace("/tokens", "/headed/tokens")):
        shards = find_shards(data)
        stream = Stream(shards, "train", 50, settings=chosen(tmp_path))
        assert (stream.batch(0, 900) == plain.batch(0, 900)).all()
        assert (stream.histogram(60_000) == plain.histogram(60_000)).all()
        stream.close()
        samples = EncoderSamples(shards, "train", Packing(45), settings=chosen(tmp_path))
        for one, other in zip(pieces.take(0, 300), samples.take(0, 300), strict=True):
            assert (one.tokens == other.tokens).all() and (one.ends == other.ends).all()
            assert (one.document, one.piece) == (other.document, other.piece)
        samples.close()


def test_reads_are_contiguous_and_come_once(
    address: str, behaviour: Behaviour, tmp_path: Path
) -> None:
    stream = stream_of(address, tmp_path)
    for first in range(0, stream.samples, 20):
        stream.batch(first, min(20, stream.samples - first))
    stream.close()
    ranges = [r for r in behaviour.ranges if r[0].endswith(".bin")]
    assert len(ranges) <= sum(SIZES) // 2000 + len(SIZES) + 1  # a block, or a piece of one
    read = sum(last - first + 1 for _, first, last in ranges)
    assert read <= 2 * (sum(SIZES) + len(ranges))  # each token once, but for one a block
    asked = behaviour.requests
    again = stream_of(address, tmp_path)
    again.batch(0, again.samples)
    again.close()
    assert [r for r in behaviour.ranges if r[0].endswith(".bin")] == ranges  # all from the cache
    assert behaviour.requests - asked < 30  # listing, manifests, versions


@pytest.mark.parametrize("kind", ["fail_every", "cut_every"])
def test_errors_of_the_moment_are_tried_again(
    corpus: Path, address: str, behaviour: Behaviour, tmp_path: Path, kind: str
) -> None:
    shards = find_shards(address)
    setattr(behaviour, kind, 3)
    behaviour.once = True  # or threads in step might give one of them every third answer
    there = Stream(shards, "train", 50, 3, settings=chosen(tmp_path))
    assert (there.batch(0, 600) == stream_of(str(corpus), tmp_path).batch(0, 600)).all()
    there.close()


def test_a_store_that_never_answers_is_named(
    address: str, behaviour: Behaviour, tmp_path: Path
) -> None:
    stream = stream_of(address, tmp_path)
    behaviour.fail_every = 1
    with pytest.raises(WebtextError, match=r"train-0000\d-of-00003.bin could not be read 6 times"):
        stream.batch(0, 100)
    stream.close()


@pytest.mark.parametrize("what", ["replaced", "cut", "removed"])
@pytest.mark.parametrize("where", ["local", "remote"])
def test_a_shard_that_changes_under_a_run_is_named(
    corpus: Path, address: str, tmp_path: Path, what: str, where: str
) -> None:
    stream = stream_of(address if where == "remote" else str(corpus), tmp_path, threads=1)
    stream.batch(0, 4)
    for path in (corpus / "2024-01").glob("train-*.bin"):
        if what == "replaced":
            beside = path.with_suffix(".new")
            beside.write_bytes(bytes(path.stat().st_size))
            beside.replace(path)
        elif what == "cut":
            os.truncate(path, path.stat().st_size - 1000)
        else:
            path.unlink()
    with pytest.raises(
        WebtextError, match=r"train-0000\d-of-00003.bin was replaced, cut or removed while"
    ):
        for first in range(0, 10_000_000, 100):
            stream.batch(first, 100)
    stream.close()


def test_a_shard_of_another_size_than_its_manifest_says(
    corpus: Path, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shard = corpus / "2024-01" / "train-00001-of-00003.bin"
    os.truncate(shard, 50_000)
    with pytest.raises(WebtextError, match=r"train-00001-of-00003.bin has 50,000 bytes"):
        Stream(find_shards(address), "train", 50)
    with pytest.raises(WebtextError, match=r"train-00001-of-00003.bin has 50,000 bytes"):
        Stream(find_shards(str(corpus)), "train", 50)
    shard.unlink()
    with pytest.raises(WebtextError, match=r"train-00001-of-00003.bin is missing"):
        Stream(find_shards(address), "train", 50)


def test_a_new_version_is_not_read_from_the_old_cache(
    corpus: Path, address: str, tmp_path: Path
) -> None:
    before = stream_of(address, tmp_path)
    rows = before.batch(0, 100)
    before.close()
    for path in (corpus / "2024-01").glob("train-*.bin"):
        path.write_bytes((np.fromfile(path, "<u2") + 1).tobytes())
    after = stream_of(address, tmp_path)
    assert (after.batch(0, 100) == rows + 1).all()
    after.close()


def test_a_corrupted_cache_is_mended(corpus: Path, address: str, tmp_path: Path) -> None:
    first = stream_of(address, tmp_path)
    rows = first.batch(0, 600)
    first.close()
    for number, piece in enumerate(sorted((tmp_path / "cache").glob("*/*"))):
        data = bytearray(piece.read_bytes())
        data[number % len(data)] ^= 255
        piece.write_bytes(data[: len(data) - number % 3])
    again = stream_of(address, tmp_path)
    assert (again.batch(0, 600) == rows).all()
    again.close()


def test_a_cache_too_small_for_two_windows_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"data\.cache_gb = 1e-05 cannot hold two windows"):
        stream_of(address, tmp_path, cache_gb=0.00001)


READER = """
import hashlib, sys
from trainer.settings.data import DataSettings
from trainer.data.shard_set import find_shards
from trainer.data.stream import Stream
address, cache = sys.argv[1:]
settings = DataSettings(block=2000, window=6, cache=cache, cache_gb=0.0003, threads=2)
stream = Stream(find_shards(address), "train", 50, 3, settings=settings)
for first in range(0, stream.samples - 20, 20):
    print(first, hashlib.sha256(stream.batch(first, 20).tobytes()).hexdigest(), flush=True)
stream.close()
"""


def reader(address: str, cache: Path, rank: int) -> Command:
    environment = os.environ | {"LOCAL_RANK": str(rank)}
    return Command("-c", READER, address, str(cache), folder=".", environment=environment)


def lines_of(process: Command) -> list[str]:
    assert process.wait() == 0, process.output()
    return process.output().splitlines()


def test_two_processes_read_one_cache_and_one_is_killed(
    corpus: Path, address: str, behaviour: Behaviour, tmp_path: Path
) -> None:
    """The cache holds three of nine windows, so both fetch and remove all the time."""
    behaviour.latency = 0.005
    cache = tmp_path / "cache"
    killed, whole = reader(address, cache, 0), reader(address, cache, 1)
    while killed.output().count("\n") < 10:
        assert killed.poll() is None, killed.output()
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    lines = lines_of(whole)
    assert len(lines) == len(range(0, 1980, 20))
    again = lines_of(reader(address, cache, 0))
    shutil.rmtree(cache)
    fresh = lines_of(reader(address, cache, 0))
    assert lines == again == fresh


def test_a_corpus_on_an_fsspec_file_system(corpus: Path, tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(corpus.parent.parent), "/stream-test", recursive=True)
    there = stream_of("memory://stream-test/tokens/gpt2", tmp_path)
    assert (there.batch(0, 300) == stream_of(str(corpus), tmp_path).batch(0, 300)).all()
    there.close()
    memory.rm("/stream-test", recursive=True)
