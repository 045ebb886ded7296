"""Files on a disk or behind any fsspec address, which appear whole or not at all.

A local file is written under a temporary name in its folder, flushed to the disk
and renamed.  An object store shows an object only when its upload is complete,
so there the file is written locally and uploaded; other remote systems (hdfs)
get an upload under a temporary name and a rename.

A path is taken as it stands: `[x]`, `*`, `?`, `::`, `#` and `%` in it mean themselves, and
only a leading `~/` means the home folder.  Patterns are for `glob`, which takes those of a
user's settings, and for the names that `listed` looks for in a folder.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from pipeline.store.errors import NO_SPACE, FullDiskError, SettingError

#: Every temporary file carries this, so that leftovers of a killed run can be told and removed.
TEMPORARY = ".tmp-"

_OBJECT_STORES = {"gs", "gcs", "s3", "s3a", "abfs", "az", "memory"}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_MAGIC = re.compile(r"[*?[]")


def is_remote(path: str) -> bool:
    """True for an address with a scheme (`s3://…`), False for a local path."""
    scheme = _SCHEME.match(path)
    return scheme is not None and scheme[1].lower() != "file"


def local_path(path: str) -> str:
    """A local path or `file://` address for use with `os` and `pathlib`."""
    path = path.removeprefix("file://")
    return os.path.expanduser(path) if path == "~" or path.startswith("~/") else path


def filesystem(path: str) -> tuple[Any, str]:
    """The fsspec file system of an address and the path within it.

    Listings are not remembered: what another process has written since must be seen.
    Raises SettingError for a scheme that fsspec does not know or cannot load.
    """
    # Not fsspec's own url_to_fs: that splits an address at `::`.
    if not is_remote(path):
        return LocalFileSystem(), os.path.abspath(local_path(path))
    try:
        kind: Any = fsspec.get_filesystem_class(_scheme(path))
    except ImportError as error:
        remedy = "pip install 'webtext[cloud]' brings what s3:// and gs:// need"
        raise SettingError(f"{path} cannot be opened: {error}", remedy) from None
    except ValueError:
        remedy = "Correct it: s3://, gs://, abfs://, hdfs:// and others that fsspec knows"
        raise SettingError(f"{path}: no store is known as {_scheme(path)}://", remedy) from None
    options = kind._get_kwargs_from_urls(path)
    return kind(use_listings_cache=False, **options), kind._strip_protocol(path)


def _scheme(address: str) -> str:
    return address.split("://", 1)[0].lower()


def join(path: str, *names: str) -> str:
    """Joins with forward slashes, for local paths and addresses alike."""
    return "/".join([path.rstrip("/"), *names])


def name_of(path: str) -> str:
    """The last part of a path or address: what a file is called wherever its corpus lies."""
    return path.rstrip("/").rpartition("/")[2]


def escape(path: str) -> str:
    """The pattern that matches this path alone, for libraries that take every path as one."""
    return _MAGIC.sub(lambda sign: f"[{sign[0]}]", path)


def exists(path: str) -> bool:
    """True when a file or folder is there; PermissionError where a local one cannot be seen."""
    fs, fs_path = filesystem(path)
    if is_remote(path):
        return bool(fs.exists(fs_path))
    try:
        os.stat(fs_path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def is_folder(path: str) -> bool:
    """Whether a folder is there; on an object store, whether anything is below the name."""
    fs, fs_path = filesystem(path)
    return bool(fs.isdir(fs_path))


def size(path: str) -> int:
    """Bytes of a file."""
    fs, fs_path = filesystem(path)
    return int(fs.size(fs_path))


def glob(pattern: str) -> list[str]:
    """The files that match a pattern of a user's settings, sorted; a name that is there is itself.

    Leftovers of killed runs are left out.
    """
    fs, fs_path = filesystem(pattern)
    matches = [fs_path] if exists(pattern) else sorted(map(str, fs.glob(fs_path)))
    paths = [fs.unstrip_protocol(path) for path in matches] if is_remote(pattern) else matches
    return [path for path in paths if TEMPORARY not in name_of(path)]


def matching(pattern: str, setting: str) -> list[str]:
    """The files that match the pattern of a setting, sorted.

    Raises SettingError that names the setting where there is none, or where one is a folder.
    """
    paths = glob(pattern)
    if not paths:
        remedy = "Check the path; it is relative to the current folder"
        if is_remote(pattern):
            remedy = "Check the address, and that it can be reached from here"
        raise SettingError(f"{setting} = {pattern!r} matches no file", remedy)
    for path in paths:
        if not is_remote(path) and os.path.isdir(path):
            raise SettingError(
                f"{setting} = {pattern!r} matches the folder {path}",
                f"Name files, such as {join(path, '*')}",
            )
    return paths


def all_matching(patterns: Iterable[str], setting: str) -> list[str]:
    """The files that match any pattern of a setting, sorted; raises as `matching` does."""
    return sorted({path for pattern in patterns for path in matching(pattern, setting)})


def listed(folder: str, *names: str) -> list[str]:
    """What is below a folder, sorted: one pattern of names for each level.

    `listed(root, "links", "*")` gives `root/links/2024-01`, …; leftovers of killed runs are
    left out, and a folder that is not there has nothing in it.
    """
    return [path for path in _below(folder, names) if TEMPORARY not in name_of(path)]


def all_below(folder: str) -> list[str]:
    """All files below a folder, sorted; hidden ones, and those in hidden folders, are left out."""
    fs, fs_path = filesystem(folder)
    start = len(fs_path.rstrip("/")) + 1
    names = sorted(str(path)[start:] for path in fs.find(fs_path))
    return [join(folder, name) for name in names if not re.search(r"(^|/)\.", name)]


def leftovers(folder: str) -> list[str]:
    """What killed runs left half-written in a folder, sorted."""
    return _below(folder, (f"*{TEMPORARY}*",))


def _below(folder: str, names: tuple[str, ...]) -> list[str]:
    folders = [folder]
    for pattern in names:
        if _MAGIC.search(pattern):
            below = (join(f, name) for f in folders for name in _names(f))
            folders = [path for path in below if fnmatchcase(name_of(path), pattern)]
        else:
            folders = [path for f in folders if exists(path := join(f, pattern))]
    return sorted(folders)


def _names(folder: str) -> Iterator[str]:
    """The names in a folder; none where there is no such folder."""
    fs, fs_path = filesystem(folder)
    try:
        paths = fs.ls(fs_path, detail=False)
    except (FileNotFoundError, NotADirectoryError):
        return
    for path in paths:
        name = name_of(path)
        if path.rstrip("/") != fs_path.rstrip("/"):  # some stores list the folder itself
            yield name


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
    if not fs.exists(fs_path):
        return
    if is_remote(path) and _MAGIC.search(fs_path):
        for name in fs.find(fs_path):  # rm would take the path as a pattern
            fs.rm_file(name)
    else:
        fs.rm(fs_path, recursive=True)


def move(path: str, target: str) -> None:
    """Gives a file another name on the same disk or store; what was there before goes."""
    if not is_remote(path):
        os.replace(local_path(path), local_path(target))
        return
    fs, old = filesystem(path)
    new = filesystem(target)[1]
    if _scheme(path) in _OBJECT_STORES:
        fs.cp_file(old, new)  # mv would take the path as a pattern
        fs.rm_file(old)
    else:
        fs.mv(old, new)


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
def atomic(path: str, *, lasting: bool = True) -> Iterator[str]:
    """Yields the name of a local file to write; it becomes `path` when the block ends well.

    When the block raises, what was at `path` before stays.  A full disk or quota becomes a
    WebtextError that names the file.  Unless it is `lasting`, it may be gone after a power failure.
    """
    local = not is_remote(path)
    if local:
        path = local_path(path)
        folder = os.path.dirname(path) or "."
        os.makedirs(folder, exist_ok=True)
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    else:
        folder = tempfile.gettempdir()
    temporary = os.path.join(folder, f"{os.path.basename(path)}{TEMPORARY}{uuid.uuid4().hex}")
    try:
        yield temporary
        if local:
            _publish_local(temporary, path, lasting)
        else:
            _publish_remote(temporary, path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise FullDiskError(f"No space left while writing {path}", NO_SPACE) from error
        raise
    finally:
        Path(temporary).unlink(missing_ok=True)


def local_scratch(folder: str) -> str:
    """A local folder for work that is appended to, always the same one for `folder`.

    It is `folder` itself where that is local; for an address, a folder of this machine.
    """
    if not is_remote(folder):
        return local_path(folder)
    name = hashlib.blake2b(folder.encode(), digest_size=8).hexdigest()
    return os.path.join(tempfile.gettempdir(), f"webtext-{name}")


def publish(temporary: str, path: str) -> None:
    """Moves a finished local file to its place, atomically."""
    if is_remote(path):
        _publish_remote(temporary, path)
        os.unlink(temporary)
    else:
        path = local_path(path)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        _publish_local(temporary, path)


def write_bytes(path: str, data: bytes, *, lasting: bool = True) -> None:
    """Writes a whole small file atomically."""
    with atomic(path, lasting=lasting) as temporary:
        Path(temporary).write_bytes(data)


def _publish_local(temporary: str, path: str, lasting: bool = True) -> None:
    with open(temporary, "rb") as stream:
        os.fsync(stream.fileno())
    os.replace(temporary, path)
    if lasting:
        folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _publish_remote(temporary: str, path: str) -> None:
    fs, fs_path = filesystem(path)
    fs.makedirs(fs._parent(fs_path), exist_ok=True)
    if _scheme(path) in _OBJECT_STORES:
        fs.put_file(temporary, fs_path)
        return
    beside = f"{fs_path}{TEMPORARY}{uuid.uuid4().hex}"
    fs.put_file(temporary, beside)
    fs.mv(beside, fs_path)
