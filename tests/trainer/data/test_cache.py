"""The disk cache: bounded, checked, shared by processes, with nothing to be left behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from forks import Command

from pipeline.store.errors import FullDiskError, WebtextError
from trainer.data.cache import DiskCache, default_folder

MEGABYTE = 1 << 20


class Source:
    """Gives the piece `name` and counts how often."""

    def __init__(self, size: int = 1000) -> None:
        self.size, self.asked = size, 0

    def __call__(self) -> bytes:
        self.asked += 1
        return bytes(range(256)) * (self.size // 256 + 1)


def pieces(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*/*") if not p.name.startswith("."))


def test_a_piece_is_fetched_once(tmp_path: Path) -> None:
    source = Source()
    first = DiskCache(tmp_path, MEGABYTE).get("a", source)
    again = DiskCache(tmp_path, MEGABYTE).get("a", source)  # another process's view
    assert source.asked == 1 and bytes(first) == bytes(again) == Source()()


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "grown", "checksum"])
def test_a_damaged_piece_is_fetched_again(tmp_path: Path, damage: str) -> None:
    source = Source()
    whole = bytes(DiskCache(tmp_path, MEGABYTE).get("a", source))
    (piece,) = pieces(tmp_path)
    data = bytearray(piece.read_bytes())
    if damage == "flipped":
        data[500] ^= 1
    if damage == "checksum":
        data[-1] ^= 1
    changed = {"cut": data[:-300], "emptied": b"", "grown": data + b"x"}.get(damage, data)
    piece.write_bytes(bytes(changed))
    assert bytes(DiskCache(tmp_path, MEGABYTE).get("a", source)) == whole
    assert source.asked == 2


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    cache, source = DiskCache(tmp_path, 64 * MEGABYTE), Source(MEGABYTE)
    for number in range(60):
        cache.get(str(number), source)
        os.utime(pieces(tmp_path)[0])
    old = time.time() - 1000
    for piece in pieces(tmp_path):
        os.utime(piece, (old, old))
    cache.get("7", source)  # used again
    asked = source.asked
    for number in range(60, 100):
        cache.get(str(number), source)
    assert sum(p.stat().st_size for p in pieces(tmp_path)) <= 64 * MEGABYTE
    cache.get("7", source)
    assert source.asked == asked + 40  # 7 was kept …
    cache.get("8", source)
    assert source.asked == asked + 41  # … and 8 was not


def test_a_mapped_piece_outlives_its_file(tmp_path: Path) -> None:
    kept = DiskCache(tmp_path, MEGABYTE).get("a", Source())
    pieces(tmp_path)[0].unlink()
    assert bytes(kept) == Source()()


def test_an_abandoned_temporary_file_is_removed(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    abandoned, fresh = (tmp_path / "ab" / f".tmp-{n}" for n in (1, 2))
    abandoned.write_bytes(b"half")
    fresh.write_bytes(b"half")
    os.utime(abandoned, (1, 1))
    DiskCache(tmp_path, MEGABYTE).get("a", Source())
    assert not abandoned.exists() and fresh.exists()


def test_a_full_disk_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(FullDiskError, match=r"No space left for the cache in .* data\.cache"):
        DiskCache(tmp_path, MEGABYTE).get("a", Source())
    assert not list(tmp_path.glob("*/*"))


def test_a_folder_that_cannot_be_used_is_named_with_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where neither HOME nor XDG_CACHE_HOME leads to a folder of this user."""
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    cache = DiskCache(default_folder(), MEGABYTE)
    with pytest.raises(WebtextError, match=r"/file/webtext cannot be used: .*--set data\.cache="):
        cache.get("a", Source())


def test_what_the_source_says_is_not_put_on_the_folder(tmp_path: Path) -> None:
    def refused() -> bytes:
        raise PermissionError(13, "Permission denied")

    with pytest.raises(PermissionError):
        DiskCache(tmp_path, MEGABYTE).get("a", refused)


@pytest.mark.parametrize("named", ["", "relative"])
def test_the_cache_is_in_the_home_folder(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative $XDG_CACHE_HOME is none, by the specification."""
    monkeypatch.setenv("XDG_CACHE_HOME", named)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/a"))
    assert default_folder() == Path("/home/a/.cache/webtext")

    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", unknown)
    with pytest.raises(WebtextError, match=r"no home folder .*--set data\.cache="):
        default_folder()


WORKER = """
import sys, hashlib
from pathlib import Path
from trainer.data.cache import DiskCache
cache = DiskCache(Path(sys.argv[1]), 4 << 20)
asked = 0
def fetch(n):
    global asked
    asked += 1
    return hashlib.sha256(str(n).encode()).digest() * 4096
for turn in range(3):
    for n in range(60):
        content = bytes(cache.get(str(n), lambda: fetch(n)))
        assert content == hashlib.sha256(str(n).encode()).digest() * 4096
print(asked)
"""


def test_processes_share_a_small_cache(tmp_path: Path) -> None:
    """60 pieces of 128 KiB in 4 MiB: both fetch, remove and read the same files all the time."""
    running = [Command("-c", WORKER, str(tmp_path), folder=tmp_path) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    counts = [int(process.output()) for process in running]
    assert sum(counts) < 3 * 180  # some were there
    assert sum(p.stat().st_size for p in pieces(tmp_path)) <= 4 << 20
    assert not [p for p in tmp_path.rglob("*") if "lock" in p.name or p.name.startswith(".tmp")]


def test_what_is_read_is_an_array_of_bytes(tmp_path: Path) -> None:
    content = DiskCache(tmp_path, MEGABYTE).get("a", lambda: np.arange(4, dtype="<u2").tobytes())
    assert content.view("<u2").tolist() == [0, 1, 2, 3]
