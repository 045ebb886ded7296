"""Pieces of remote files on a local disk, shared by all processes of a host without locks.

Each piece is a file of its own, named by a hash of what it is (address, version, range),
which appears by a rename: two processes that fetch the same piece at the same time do the
work twice and leave one file.  Nothing is left behind by a process that is killed but a
temporary file, which the next clean-up removes.  A checksum at the end of each piece is
compared when the piece is opened: one that was cut or changed is fetched again.  A piece's
modification time is its last use; when the folder is over its limit, the oldest go.  A piece
that is removed while it is mapped stays readable where it is mapped.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.store.errors import FullDiskError, WebtextError

_CHECKSUM = 16  # bytes of blake2b behind the content
_TEMPORARY = ".tmp-"
_ABANDONED = 3600.0  # seconds after which a temporary file has no writer
#: Each process looks at the folder after writing this share of the limit, and then brings it
#: down to `_KEPT` of it; so eight processes stay below the limit in between.
_LOOK, _KEPT = 1 / 64, 7 / 8
#: What the system says of a folder in which this user may not write, or that is none.
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)
_SET = "Name a folder that you may write to: --set data.cache=/tmp/webtext-cache"


def default_folder() -> Path:
    """`webtext` in the user's cache folder (XDG base directory specification).

    Raises WebtextError for a user without a home.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(named):
        return Path(named) / "webtext"
    try:
        return Path.home() / ".cache" / "webtext"
    except RuntimeError:
        raise WebtextError("There is no home folder for the cache of remote shards", _SET) from None


class DiskCache:
    """At most `limit` bytes of pieces in `folder`, least recently used out first."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = folder, limit
        self._written = limit  # the first piece looks at what others left
        self._lock = threading.Lock()

    def get(self, name: str, fetch: Callable[[], bytes]) -> NDArray[np.uint8]:
        """The piece `name`, mapped; `fetch` gives its bytes where it is not there or damaged.

        Raises FullDiskError when there is no space for it, WebtextError where the folder cannot
        be written to.
        """
        digest = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
        path = self.folder / digest[:2] / digest
        with self._naming_the_folder():
            kept = _open(path)
        if kept is None:
            content = fetch()
            with self._naming_the_folder():
                self._write(path, content)
                # Where another process has made room already, what came is as good.
                kept = _open(path)
            return np.frombuffer(content, np.uint8) if kept is None else kept
        return kept

    @contextmanager
    def _naming_the_folder(self) -> Iterator[None]:
        """Errors of the system as one that names the folder and the setting."""
        try:
            yield
        except OSError as error:
            if error.errno not in _REFUSED:
                raise
            raise WebtextError(
                f"The cache of remote shards in {self.folder} cannot be used: {error.strerror}",
                _SET,
            ) from error

    def _write(self, path: Path, content: bytes) -> None:
        temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{uuid.uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as stream:
                stream.write(content)
                stream.write(_checksum(content))
            temporary.replace(path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise FullDiskError(
                    f"No space left for the cache in {self.folder}",
                    "Set data.cache to another disk, or data.cache_gb to what this one has",
                ) from error
            raise
        with self._lock:
            self._written += len(content) + _CHECKSUM
            look = self._written >= self.limit * _LOOK
            if look:
                self._written = 0
        if look:
            self._clean(path)

    def _clean(self, newest: Path) -> None:
        """Removes the least recently used pieces, but never the one just written."""
        pieces = sorted(self._entries())
        total = sum(size for _, size, _ in pieces)
        if total <= self.limit * _KEPT:
            return
        for _, size, path in pieces:
            if path != newest:
                path.unlink(missing_ok=True)
                total -= size
            if total <= self.limit * _KEPT:
                return

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        """Last use, bytes and path of each piece; abandoned temporary files are removed."""
        for path in self.folder.glob("*/*"):
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue  # another process was faster
            if not path.name.startswith(_TEMPORARY):
                yield facts.st_mtime, facts.st_size, path
            elif facts.st_mtime < time.time() - _ABANDONED:
                path.unlink(missing_ok=True)


def _open(path: Path) -> NDArray[np.uint8] | None:
    """The content of a piece, mapped and marked as used; None where it is missing or damaged."""
    try:
        whole = np.memmap(path, np.uint8, mode="r")
        os.utime(path)
    except (FileNotFoundError, ValueError):  # ValueError: an empty file
        return None
    content: NDArray[np.uint8] = whole[:-_CHECKSUM].view(np.ndarray)
    if bytes(whole[-_CHECKSUM:]) != _checksum(content.data):
        path.unlink(missing_ok=True)
        return None
    return content


def _checksum(content: bytes | memoryview) -> bytes:
    return hashlib.blake2b(content, digest_size=_CHECKSUM).digest()
