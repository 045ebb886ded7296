"""Files that a user gives (evaluation sets, examples, lists), packed or not, as text."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from typing import IO, Any, cast

import zstandard

from pipeline import files
from pipeline.errors import SettingError

MAX_BYTES = 4 << 30  # unpacked; such files are read whole


def read_text(path: str) -> str:
    """The file as UTF-8 text (other bytes replaced), unpacked by its suffix.

    Raises SettingError when it is missing, damaged, or longer than MAX_BYTES.
    """
    try:
        with files.open_read(path) as stream, _unpacked(stream, path) as unpacked:
            data = unpacked.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise SettingError(f"{path} does not exist", "Correct the path in the recipe") from None
    except (OSError, EOFError, lzma.LZMAError, zstandard.ZstdError) as error:
        raise SettingError(f"{path} cannot be unpacked: {error}", "Fetch the file again") from None
    if len(data) > MAX_BYTES:
        raise SettingError(f"{path} is longer than {MAX_BYTES >> 30} GiB", "Split it")
    return io.TextIOWrapper(io.BytesIO(data), "utf-8", errors="replace").read()


def _unpacked(stream: IO[bytes], path: str) -> IO[bytes]:
    """The stream's content without packing; closing it is the caller's."""
    opened: Any = stream
    if path.endswith(".zst"):
        unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 31)
        opened = unpacker.stream_reader(stream, read_across_frames=True)
    for suffix, module in ((".gz", gzip), (".xz", lzma), (".bz2", bz2)):
        if path.endswith(suffix):
            opened = module.open(stream)
    return cast("IO[bytes]", opened)
