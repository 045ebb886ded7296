"""The file formats that archives come in: gzip, zstd with a dictionary, parts of a zip file."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from abc import abstractmethod
from collections.abc import Callable
from typing import IO, Any

import zstandard

from pipeline.store.arc import GZIP
from pipeline.store.errors import WebtextError

ZIP = b"PK\x03\x04"
_ZSTD, _ZSTD_DICTIONARY = b"\x28\xb5\x2f\xfd", b"\x5d\x2a\x4d\x18"
_IN_ZIP = r"archive/.+\.(?:warc|arc)(?:\.gz)?"
_STEP = 1 << 10  # bytes that are unpacked at once only to see whether they can be


def starts_with(stream: IO[bytes], magic: bytes) -> bool:
    """Whether these bytes stand at the stream's place, which stays."""
    position = stream.tell()
    start = stream.read(len(magic))
    stream.seek(position)
    return start == magic


def beginning_of(stream: IO[bytes]) -> bytes:
    """The first bytes of what the stream holds from its place on, decompressed; the place stays."""
    position = stream.tell()
    start = stream.read(1 << 12)
    stream.seek(position)
    try:
        if start.startswith(GZIP):
            start = zlib.decompressobj(31).decompress(start, 64)
        elif start.startswith((_ZSTD, _ZSTD_DICTIONARY)):
            start = b"WARC/"  # nothing else is kept in it
    except zlib.error:
        return b""
    return start.lstrip(b"\r\n")


def refuse_cut(stream: IO[bytes], path: str, last: int) -> None:
    """Readers take a cut archive for a finished one; from the last record on all must be whole."""
    stream.seek(last)
    start = stream.read(4)
    stream.seek(last)
    if start.startswith(GZIP):
        whole = _whole(stream, lambda: zlib.decompressobj(31), zlib.error)
    elif start in (_ZSTD, _ZSTD_DICTIONARY):
        dictionary = _dictionary_in(dictionary_of(stream))
        stream.seek(last)
        whole = _whole(
            stream,
            lambda: zstandard.ZstdDecompressor(dict_data=dictionary).decompressobj(),
            zstandard.ZstdError,
        )
    else:
        return  # not compressed: the record's length was checked by reading it
    if not whole:
        raise damaged(path, last, "its last record is incomplete")


def _whole(stream: IO[bytes], make: Callable[[], Any], failure: type[Exception]) -> bool:
    """Whether members or frames from the stream's place on are whole; the output is thrown away."""
    reader = make()
    while piece := stream.read(_STEP):
        try:
            reader.decompress(piece)
            while reader.eof and reader.unused_data:
                rest, reader = reader.unused_data, make()
                reader.decompress(rest)
        except failure:
            return False
    return bool(reader.eof)


def damaged(path: str, offset: int, how: str) -> WebtextError:
    """The error of a file that is not as it should be from a byte on."""
    return WebtextError(
        f"{path} is cut or damaged after byte {offset:,}: {how}",
        "Fetch the archive again, write it anew with `warcio recompress`, or leave it out",
    )


def dictionary_of(stream: IO[bytes]) -> bytes:
    """The frame with the dictionary at the start of a .warc.zst; empty where there is none."""
    stream.seek(0)
    start = stream.read(8)
    if start[:4] != _ZSTD_DICTIONARY:
        return b""
    return start + stream.read(int.from_bytes(start[4:], "little"))


def _dictionary_in(frame: bytes) -> zstandard.ZstdCompressionDict | None:
    """The dictionary in its frame, in which it may be compressed by itself."""
    content = frame[8:]
    if content.startswith(_ZSTD):
        content = zstandard.ZstdDecompressor().decompress(content, max_output_size=1 << 27)
    return zstandard.ZstdCompressionDict(content) if content else None


class _Part(io.RawIOBase):
    """A file of its own that is made of others; `_take` gives its bytes."""

    def __init__(self, length: int) -> None:
        self._length, self._at = length, 0

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """Its place can be chosen."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to one of its bytes."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """The byte at which it is."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Reads as much as comes at once."""
        data = self._take(max(0, min(len(buffer), self._length - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    @abstractmethod
    def _take(self, most: int) -> bytes:
        """Some bytes at its place, `most` at most."""


class FileSection(_Part):
    """A part of a file."""

    def __init__(self, stream: IO[bytes], start: int, length: int) -> None:
        super().__init__(length)
        self._stream, self._start = stream, start

    def _take(self, most: int) -> bytes:
        self._stream.seek(self._start + self._at)
        return self._stream.read(most)


class Chained(_Part):
    """Some bytes, then a file from its place on."""

    def __init__(self, first: bytes, stream: IO[bytes]) -> None:
        self._first, self._stream, self._start = first, stream, stream.tell()
        super().__init__(len(first) + stream.seek(0, io.SEEK_END) - self._start)

    def _take(self, most: int) -> bytes:
        if self._at < len(self._first):
            return self._first[self._at : self._at + most]
        self._stream.seek(self._start + self._at - len(self._first))
        return self._stream.read(most)


def archives_in_zip(stream: IO[bytes], path: str) -> list[tuple[int, int]]:
    """(start, length) of each archive in a WACZ file (WACZ 1.1.1: stored, below `archive/`)."""
    try:
        entries = zipfile.ZipFile(stream).infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise damaged(path, 0, str(error)) from None
    wanted = [one for one in entries if re.fullmatch(_IN_ZIP, one.filename)]
    packed = [one.filename for one in wanted if one.compress_type != zipfile.ZIP_STORED]
    if packed or not wanted:
        what = f"has {packed[0]} compressed once more" if packed else "holds no archive"
        raise WebtextError(f"{path} {what}", "Unzip it, and give the files below archive/")
    return [_place_in_zip(stream, path, entry) for entry in wanted]


def _place_in_zip(stream: IO[bytes], path: str, entry: zipfile.ZipInfo) -> tuple[int, int]:
    """Where an entry's content begins, and its length (APPNOTE.TXT, 4.3.7)."""
    size, header = stream.seek(0, io.SEEK_END), entry.header_offset
    if not 0 <= header <= size - entry.file_size:
        raise damaged(path, 0, f"its index names {entry.filename} outside the file")
    stream.seek(header + 26)
    name, extra = (int.from_bytes(stream.read(2), "little") for _ in range(2))
    return header + 30 + name + extra, entry.file_size
