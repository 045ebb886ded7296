"""One token shard, mapped from a local disk or read by range from a remote address."""

from __future__ import annotations

import os
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.tokens.megatron import (
    HEADER,
    Header,
    IndexedDataset,
    ShardIndex,
    check_bin_size,
    check_offset,
    parse_header,
    parse_index,
    sentence_index_path,
)
from trainer.data.cache import DiskCache
from trainer.data.remote import RemoteFile, changed

_EVERY = 0.02  # seconds between two looks at a local file


class Shard(Protocol):
    """Tokens by range."""

    #: Path or address without `.bin`.
    prefix: str
    #: Number of tokens.
    tokens: int

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Tokens [start, stop)."""

    def check(self, now: float) -> None:
        """Raises WebtextError when the shard is no longer the one that was opened.

        It looks only where the last look was not just before `now` (a monotonic time).
        """

    def index(self) -> ShardIndex:
        """Where sentences and documents begin."""


def open_shard(prefix: str, size: int | None, cache: DiskCache) -> Shard:
    """Opens a shard whose `.bin` has `size` bytes (None: not known).

    Raises WebtextError when it is missing, damaged or of another size.
    """
    if files.is_remote(prefix):
        return RemoteShard(prefix, size, cache)
    return LocalShard(prefix, size)


class LocalShard:
    """A shard that is memory-mapped."""

    def __init__(self, prefix: str, size: int | None) -> None:
        self.prefix = prefix
        self._path = f"{prefix.removeprefix('file://')}.bin"
        self._data = IndexedDataset(files.local_path(prefix))
        self._tokens = self._data.tokens.view(np.ndarray)
        self.tokens = len(self._tokens)
        self._seen, self._checked = self._stat(), -_EVERY
        if size is not None and self._seen[1] != size:
            raise WebtextError(
                f"{self._path} has {self._seen[1]:,} bytes, its manifest says {size:,}",
                "Run `webtext verify`, and copy the shard once more or build it again",
            )

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """A view of the map."""
        return self._tokens[start:stop]

    def check(self, now: float) -> None:
        """Looks at the file's inode, size and time: reading a map of a cut file is fatal."""
        if now - self._checked >= _EVERY:
            self._checked = now
            if self._stat() != self._seen:
                raise changed(self._path)

    def index(self) -> ShardIndex:
        """The index of sentences, mapped."""
        return self._data.sentence_index()

    def _stat(self) -> tuple[int, int, int]:
        try:
            stat = os.stat(self._path)
        except FileNotFoundError:
            return 0, 0, 0
        return stat.st_ino, stat.st_size, stat.st_mtime_ns


class RemoteShard:
    """A shard behind an fsspec address; what was read lies in a cache on the local disk.

    Of the index only the header and the first pointer are read, until `index` asks for that
    of sentences.
    """

    def __init__(self, prefix: str, size: int | None, cache: DiskCache) -> None:
        self.prefix, self._cache = prefix, cache
        self._bin = RemoteFile(f"{prefix}.bin", size)
        self._idx = RemoteFile(f"{prefix}.idx")
        start = self._piece(self._idx, 0, min(HEADER, self._idx.size))
        header = parse_header(start, self._idx.size, self._idx.path)
        self._dtype, self._offset = header.dtype, self._first_pointer(header)
        #: As the size of `.bin` says; `index` compares it with the sentences.
        self.tokens = (self._bin.size - self._offset) // self._dtype.itemsize

    def _first_pointer(self, header: Header) -> int:
        """Bytes of `.bin` before its first token: those of llm.c's header, where it has one."""
        place = header.first_pointer
        pointer = self._piece(self._idx, place.start, place.stop).view("<i8")
        offset = int(pointer[0]) if len(pointer) else 0
        check_offset(offset, self._idx.path)
        return offset

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """A piece of the cache, mapped; fetched in one ranged read where it is not there."""
        first, last = (self._offset + token * self._dtype.itemsize for token in (start, stop))
        return self._piece(self._bin, first, last).view(self._dtype)

    def check(self, now: float) -> None:
        """Nothing to do: every fetch compares versions, and what is cached is of one version."""

    def index(self) -> ShardIndex:
        """The whole index of sentences, by way of the cache."""
        file = RemoteFile(sentence_index_path(self.prefix))
        index = parse_index(self._piece(file, 0, file.size), file.path)
        check_bin_size(index, self._bin.size, self._bin.path)
        return index

    def _piece(self, file: RemoteFile, start: int, stop: int) -> NDArray[np.uint8]:
        name = f"{file.path}\n{file.version}\n{start}-{stop}"
        return self._cache.get(name, lambda: file.read(start, stop))
