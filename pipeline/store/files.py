"""Files on a disk or behind any fsspec address, which appear whole or not at all.

A local file is written under a temporary name in its folder, flushed to the disk
and renamed.  An object store shows an object only when its upload is complete,
so there the file is written locally and uploaded; other remote systems (hdfs)
get an upload under a temporary name and a rename.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from fsspec.core import url_to_fs

from pipeline.store.errors import FullDiskError

#: Every temporary file carries this, so that leftovers of a killed run can be told and removed.
TEMPORARY = ".tmp-"

_OBJECT_STORES = {"gs", "gcs", "s3", "s3a", "abfs", "az", "memory"}


def filesystem(path: str) -> tuple[Any, str]:
    """The fsspec file system of an address and the path within it.

    Listings are not remembered: what another process has written since must be seen.
    """
    fs, fs_path = url_to_fs(path, use_listings_cache=False)
    return fs, fs_path


def is_remote(path: str) -> bool:
    """True for an address with a scheme (`s3://…`), False for a local path."""
    return "://" in path and not path.startswith("file://")


def join(path: str, *names: str) -> str:
    """Joins with forward slashes, for local paths and addresses alike."""
    return "/".join([path.rstrip("/"), *names])


def exists(path: str) -> bool:
    """True when a file or folder is there."""
    fs, fs_path = filesystem(path)
    return bool(fs.exists(fs_path))


def size(path: str) -> int:
    """Bytes of a file."""
    fs, fs_path = filesystem(path)
    return int(fs.size(fs_path))


def glob(pattern: str) -> list[str]:
    """The files that match, sorted, without leftovers of killed runs."""
    return [path for path in _matching(pattern) if TEMPORARY not in path.rsplit("/", 1)[-1]]


def leftovers(folder: str) -> list[str]:
    """What killed runs left half-written in a folder, sorted."""
    return _matching(join(folder, f"*{TEMPORARY}*"))


def _matching(pattern: str) -> list[str]:
    fs, fs_path = filesystem(pattern)
    paths = sorted(str(path) for path in fs.glob(fs_path))
    return [fs.unstrip_protocol(path) for path in paths] if is_remote(pattern) else paths


def open_read(path: str) -> IO[bytes]:
    """Opens a file for reading bytes; seekable."""
    fs, fs_path = filesystem(path)
    stream: IO[bytes] = fs.open(fs_path, "rb")
    return stream


def read_bytes(path: str) -> bytes:
    """The whole file."""
    with open_read(path) as stream:
        return stream.read()


def make_folder(path: str) -> None:
    """Creates a folder and its parents; no error when it is there."""
    fs, fs_path = filesystem(path)
    fs.makedirs(fs_path, exist_ok=True)


def remove(path: str) -> None:
    """Removes a file or a folder with all in it; no error when it is not there."""
    fs, fs_path = filesystem(path)
    if fs.exists(fs_path):
        fs.rm(fs_path, recursive=True)


def move(path: str, target: str) -> None:
    """Gives a file another name on the same disk or store; what was there before goes."""
    if is_remote(path):
        fs, old = filesystem(path)
        fs.mv(old, filesystem(target)[1])
    else:
        os.replace(path.removeprefix("file://"), target.removeprefix("file://"))


def sha256(path: str) -> str:
    """Hex sha256 of a file's bytes, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with open_read(path) as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def content_fingerprint(path: str) -> str:
    """A fingerprint of an input outside the corpus, cheap enough for a dump of many gigabytes.

    It hashes the size and 64 blocks of 1 MiB spread evenly over the file: all of it
    up to 64 MiB.  An edit between two blocks that leaves the size alone is not seen.
    """
    total, blocks, block = size(path), 64, 1 << 20
    digest = hashlib.blake2b(str(total).encode(), digest_size=32)
    with open_read(path) as stream:
        if total <= blocks * block:
            digest.update(stream.read())
        else:
            for i in range(blocks):
                stream.seek((total - block) * i // (blocks - 1))
                digest.update(stream.read(block))
    return digest.hexdigest()


@contextmanager
def atomic(path: str) -> Iterator[str]:
    """Yields the name of a local file to write; it becomes `path` when the block ends well.

    When the block raises, what was at `path` before stays.  A full disk or quota
    becomes a WebtextError that names the file.
    """
    local = not is_remote(path)
    if local:
        path = path.removeprefix("file://")
        folder = os.path.dirname(path) or "."
        os.makedirs(folder, exist_ok=True)
    else:
        folder = tempfile.gettempdir()
    temporary = os.path.join(folder, f"{os.path.basename(path)}{TEMPORARY}{uuid.uuid4().hex}")
    try:
        yield temporary
        if local:
            _publish_local(temporary, path)
        else:
            _publish_remote(temporary, path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise FullDiskError(
                f"No space left while writing {path}",
                "Free some space and run the same command again: it goes on where it stopped",
            ) from error
        raise
    finally:
        Path(temporary).unlink(missing_ok=True)


def local_scratch(folder: str) -> str:
    """A local folder for work that is appended to, always the same one for `folder`.

    It is `folder` itself where that is local; for an address, a folder of this machine.
    """
    if not is_remote(folder):
        return folder.removeprefix("file://")
    name = hashlib.blake2b(folder.encode(), digest_size=8).hexdigest()
    return os.path.join(tempfile.gettempdir(), f"webtext-{name}")


def publish(temporary: str, path: str) -> None:
    """Moves a finished local file to its place, atomically."""
    if is_remote(path):
        _publish_remote(temporary, path)
        os.unlink(temporary)
    else:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        _publish_local(temporary, path.removeprefix("file://"))


def write_bytes(path: str, data: bytes) -> None:
    """Writes a whole small file atomically."""
    with atomic(path) as temporary:
        Path(temporary).write_bytes(data)


def _publish_local(temporary: str, path: str) -> None:
    with open(temporary, "rb") as stream:
        os.fsync(stream.fileno())
    os.replace(temporary, path)
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _publish_remote(temporary: str, path: str) -> None:
    fs, fs_path = filesystem(path)
    fs.makedirs(fs._parent(fs_path), exist_ok=True)
    if path.split("://", 1)[0] in _OBJECT_STORES:
        fs.put_file(temporary, fs_path)
        return
    beside = f"{fs_path}{TEMPORARY}{uuid.uuid4().hex}"
    fs.put_file(temporary, beside)
    fs.mv(beside, fs_path)
