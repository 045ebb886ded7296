"""Readers of dumps: every packing, cut and damaged files, and lines turned away by their bytes."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.links.dumps import Block, blocks, lines, linked_lines
from pipeline.store.errors import WebtextError

DATA = b"".join(b'{"id":"%d","body":"%s"}\n' % (n, b"x" * (n % 400)) for n in range(20_000))


def long_window(data: bytes) -> bytes:
    level = zstandard.ZstdCompressionParameters.from_level(3, window_log=28, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=level).compressobj()
    return packer.compress(data) + packer.flush()


def two_frames(data: bytes) -> bytes:
    return zstandard.compress(data[:100_001]) + zstandard.compress(data[100_001:])


PACKINGS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("zst", long_window),
    ("zst", two_frames),
    ("xz", lzma.compress),
    ("bz2", bz2.compress),
    ("ndjson", bytes),
]


@pytest.mark.parametrize(("ending", "pack"), PACKINGS)
def test_every_packing(tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"RC.{ending}"
    path.write_bytes(pack(DATA))
    got = list(blocks(str(path)))
    assert b"".join(block.data for block in got) == DATA
    assert got[-1].packed == path.stat().st_size
    found = [item for block in got for item in lines(block)]
    assert [line for _, line in found] == DATA.splitlines()
    assert all(DATA[o : o + len(line)] == line for o, line in found)


@pytest.mark.parametrize(("ending", "pack"), PACKINGS[:4])
def test_cut_and_damaged(tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]) -> None:
    path, packed = tmp_path / f"RC.{ending}", pack(DATA)
    path.write_bytes(packed[: len(packed) * 2 // 3])
    with pytest.raises(WebtextError, match=r"RC\.\w+ is cut or damaged.*at byte.*Fetch"):
        list(blocks(str(path)))
    had = b"".join(block.data for block in blocks(str(path), accept_cut=True))
    assert DATA.startswith(had)
    path.write_bytes(b"no dump at all, whatever its name says")
    with pytest.raises(WebtextError, match="cut or damaged"):
        list(blocks(str(path)))


def test_a_bomb_comes_in_blocks_of_the_usual_size(tmp_path: Path) -> None:
    path, size = tmp_path / "RC.zst", 256 << 20
    packer = zstandard.ZstdCompressor().compressobj()
    packed = b"".join(packer.compress(b"\n" * (1 << 20)) for _ in range(size >> 20))
    path.write_bytes(packed + packer.flush())
    assert path.stat().st_size < 64 << 10
    sizes = [len(block.data) for block in blocks(str(path))]
    assert sum(sizes) == size
    assert max(sizes) <= 1 << 20


def test_a_line_without_end_costs_itself_alone(tmp_path: Path) -> None:
    path, long = tmp_path / "RC.ndjson", b'{"body":"' + b"x" * (65 << 20) + b'"}\n'
    path.write_bytes(DATA + long + DATA)
    got = list(blocks(str(path)))
    found = [item for block in got for item in lines(block)]
    place = DATA.count(b"\n")
    assert found[place] == (len(DATA), long[: len(found[place][1])])
    assert len(found[place][1]) < 2 << 20
    del found[place]
    whole = DATA + long + DATA
    assert [line for _, line in found] == [*DATA.splitlines(), *DATA.splitlines()]
    assert all(whole[o : o + len(line)] == line for o, line in found)
    path.write_bytes(long + DATA)
    with pytest.raises(WebtextError, match=r"RC\.ndjson begins with a line of more than 64 MiB"):
        list(blocks(str(path)))


LINES = rb"""{} {"a":1} {cut cut} {"b":"http://a.io"} w {w.} {"b":"Http:\/\/a.io"} {"b":"WWW.a.io"}
{"b":"a.b:c/d"} ww. {:} :/""".split()
line = st.sampled_from([b"", b"{\0}", *LINES])


@given(st.lists(line), st.booleans())
def test_turned_away_lines_hold_no_address(said: list[bytes], ended: bool) -> None:
    data = b"\n".join(said) + (b"\n" if ended else b"")
    count, chosen = linked_lines(Block(7, data, 0))
    whole = [(7 + len(b"".join(s + b"\n" for s in said[:i])), s) for i, s in enumerate(said) if s]
    assert count == len(whole)

    def wanted(s: bytes) -> bool:
        address = b":/" in s or rb":\/" in s or b"ww." in s or b"WW." in s
        return address or b"\0" in s or not (s.startswith(b"{") and s.endswith(b"}"))

    assert chosen == [(o, s) for o, s in whole if wanted(s)]
