"""Packed files, piece by piece: zst, gz, xz, bz2 or plain, told by their first bytes.

A truncated zst file ends without an error of its own in most readers; here the last frame must
be complete.  Files of any number of frames or members are read to their end.
"""

from __future__ import annotations

import bz2
import codecs
import lzma
from collections.abc import Callable, Iterator
from typing import IO, Any, cast

import zstandard
from zlib_ng import gzip_ng, zlib_ng

from pipeline.store.errors import WebtextError

PIECE = 1 << 20  # bytes read, and about the bytes unpacked, at once
_FED = 1 << 11  # packed bytes of a zst file at once
_WINDOW = 1 << 31  # zstd's longest, which Reddit's dumps use; only what is used takes memory

#: Endings of names that say how a file is packed.
PACKED = {".zst": "zst", ".gz": "gz", ".xz": "xz", ".bz2": "bz2"}
_MAGIC = {
    b"\x28\xb5\x2f\xfd": "zst",
    **{bytes([first]) + b"\x2a\x4d\x18": "zst" for first in range(0x50, 0x60)},  # skippable frames
    b"\x1f\x8b": "gz",
    b"\xfd7zXZ\0": "xz",
    b"BZh": "bz2",
}
#: What is no packed file of lines, and what it is.
_OTHERS = {
    b"PK\x03\x04": "a zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"\x04\x22\x4d\x18": "packed with lz4",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "an SQLite database",
}
#: How the others are opened; closing the stream is its owner's.
_OPENERS: dict[str, Callable[[IO[bytes]], Any]] = {
    "gz": lambda stream: gzip_ng.GzipNGFile(fileobj=stream),
    "xz": lzma.LZMAFile,
    "bz2": bz2.BZ2File,
    "": lambda stream: stream,
}
_TAR_MARK, _TAR_PLACE = b"ustar", 257  # POSIX tar, in the header of the first file
_BAD_GZIP = cast("type[Exception]", zlib_ng.error)  # its stub takes the class for an instance
_FAILURES = (lzma.LZMAError, zstandard.ZstdError, _BAD_GZIP, OSError)


class DamagedError(Exception):
    """A packed file that cannot be unpacked; says how."""


class CutError(DamagedError):
    """A packed file that ends in the middle."""


def unpacked(stream: IO[bytes], path: str) -> Iterator[bytes]:
    """The content of an open file, in pieces of some 1 MiB; `path` names it in errors.

    Raises CutError and DamagedError where it ends in the middle or is broken, after what could be
    read, and WebtextError for an archive of files and the like.
    """
    packing = _packing_of(stream, path)
    try:
        yield from _of_zst(stream) if packing == "zst" else _pieces(_OPENERS[packing](stream))
    except EOFError as error:
        raise CutError(str(error)) from error
    except _FAILURES as error:
        raise DamagedError(str(error)) from error


def in_utf8(pieces: Iterator[bytes], path: str) -> Iterator[bytes]:
    """Pieces of a text without its byte order mark, and in UTF-8 where the mark says UTF-16.

    Raises WebtextError where it is an archive of files.
    """
    first = next(pieces, b"")
    if first[_TAR_PLACE : _TAR_PLACE + len(_TAR_MARK)] == _TAR_MARK:
        raise WebtextError(f"{path} is a tar archive of files", "Unpack it, and name its files")
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        decoder = codecs.getincrementaldecoder("utf-16")("replace")
        yield decoder.decode(first).encode("utf-8", "replace")
        for piece in pieces:
            yield decoder.decode(piece).encode("utf-8", "replace")
        return
    yield first.removeprefix(codecs.BOM_UTF8)
    yield from pieces


def without_packing(name: str) -> str:
    """A file's name without the ending that says how it is packed."""
    for ending in PACKED:
        name = name.removesuffix(ending)
    return name


def _packing_of(stream: IO[bytes], path: str) -> str:
    """How an open file is packed; empty for plain.  The stream is at its start again."""
    head = stream.read(16)
    stream.seek(0)
    for mark, name in _OTHERS.items():
        if head.startswith(mark):
            raise WebtextError(f"{path} is {name}", "Unpack it, or turn it into lines of text")
    if path.endswith(".zst_blocks"):
        raise WebtextError(
            f"{path} is in arctic_shift's own format", "Turn it into .zst: toZst.py in its scripts"
        )
    packing = next((name for mark, name in _MAGIC.items() if head.startswith(mark)), "")
    named = next((name for ending, name in PACKED.items() if path.endswith(ending)), "")
    if named and head and not packing:
        raise DamagedError(f"it is no {named}, as its name says")
    return packing


def _pieces(stream: Any) -> Iterator[bytes]:
    while piece := stream.read(PIECE):
        yield piece


def _of_zst(stream: IO[bytes]) -> Iterator[bytes]:
    """Frame by frame, so that a cut one is noticed.

    The decompressor does not bound what one call gives, so it is fed little at a time: the
    tightest frame there can be makes 64 MiB of it, which is handed on in pieces.
    """
    decompressor, rest, begun = _new_zst(), b"", False
    content = bytearray()
    while piece := rest or stream.read(_FED):
        rest, begun = b"", True
        content += decompressor.decompress(piece)
        if decompressor.eof:  # the next frame of the file, if any
            rest, begun = decompressor.unused_data, False
            decompressor = _new_zst()
        while len(content) >= PIECE:
            yield bytes(content[:PIECE])
            del content[:PIECE]
    yield bytes(content)
    if begun:
        raise CutError("its last zstd frame is cut")


def _new_zst() -> zstandard.ZstdDecompressionObj:
    return zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
