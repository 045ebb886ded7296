"""A file behind an fsspec address, read by range; errors of the moment are tried again.

What the store says of the file's version (size, ETag, generation, time of change) is noted
when it is opened and compared after every read: bytes of a file that was replaced or cut
under a running job never reach the training, and the error names the file.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from pipeline.store import files
from pipeline.store.errors import WebtextError

_TRIES = 6
_FIRST_PAUSE = 0.25  # seconds, doubled each time: 8 s in all

#: What stores call the version of an object (fsspec passes on what each says).
_VERSION = frozenset(
    {
        "ETag", "etag", "generation", "md5Hash", "Content-MD5", "Digest", "checksum", "VersionId",
        "LastModified", "Last-Modified", "last_modified", "updated", "mtime", "created", "size",
    }
)  # fmt: skip


class RemoteFile:
    """One version of a remote file.

    Raises WebtextError when it is missing, or has not `expected` bytes (None: any number).
    """

    def __init__(self, path: str, expected: int | None = None) -> None:
        self.path = path
        self._fs, self._path = files.filesystem(path)
        #: What identifies this version of the file.
        self.version = ""
        info = self._retry(self._info)
        self.size = int(info["size"])
        if expected is not None and self.size != expected:
            raise WebtextError(
                f"{path} has {self.size:,} bytes, its manifest says {expected:,}",
                "Copy the shard once more, or build the tokens stage again",
            )
        self.version = _version(info)

    def read(self, start: int, stop: int) -> bytes:
        """Bytes [start, stop).

        Raises WebtextError when the file was replaced or cut, or cannot be read.
        """
        return self._retry(lambda: self._read(start, stop))  # type: ignore[no-any-return]

    def _read(self, start: int, stop: int) -> bytes:
        try:
            data = bytes(self._fs.cat_file(self._path, start=start, end=stop))
        except Exception:
            with suppress(FileNotFoundError):
                self._check()  # the better explanation where the file was cut
            raise
        self._check()
        if len(data) != stop - start:
            raise OSError(f"{len(data):,} bytes came where {stop - start:,} were asked for")
        return data

    def _check(self) -> None:
        if _version(self._info()) != self.version:
            raise changed(self.path)

    def _info(self) -> dict[str, Any]:
        self._fs.invalidate_cache(self._path)
        info: dict[str, Any] = self._fs.info(self._path)
        return info

    def _retry(self, ask: Any) -> Any:
        pause = _FIRST_PAUSE
        for left in reversed(range(_TRIES)):
            try:
                return ask()
            except WebtextError:
                raise
            except Exception as error:  # each store's client has errors of its own
                if not left:
                    raise self._given_up(error) from error
            time.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable")

    def _given_up(self, error: Exception) -> WebtextError:
        # fsspec says of a HTTP server in trouble, too, that the file is not found; so this is
        # believed only after the last try.
        if isinstance(error, FileNotFoundError):
            if self.version:
                return changed(self.path)
            return WebtextError(
                f"{self.path} is missing", "Copy the shard once more, or build it again"
            )
        return WebtextError(
            f"{self.path} could not be read {_TRIES} times: {error!r}",
            "Look at the network and the store, then resume",
        )


def changed(path: str) -> WebtextError:
    """The error of a file that is not the one that was opened."""
    return WebtextError(
        f"{path} was replaced, cut or removed while it was being read",
        "Bring back the shard that the run was started on, then resume",
    )


def _version(facts: dict[str, Any]) -> str:
    return "/".join(f"{key}={facts[key]}" for key in sorted(_VERSION & facts.keys()))
