"""Files that a user gives (evaluation sets, examples, lists), packed or not, as text."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
from collections.abc import Iterable, Iterator
from typing import IO, Any, cast

import orjson
import zstandard

from pipeline.store import files
from pipeline.store.errors import SettingError

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


def read_lines(path: str) -> Iterator[str]:
    """The lines of a file of any length as UTF-8 text, unpacked by its suffix, one by one.

    Raises SettingError when it is missing or damaged.
    """
    try:
        with files.open_read(path) as stream, _unpacked(stream, path) as unpacked:
            yield from io.TextIOWrapper(io.BufferedReader(unpacked), "utf-8", errors="replace")  # type: ignore[type-var]
    except FileNotFoundError:
        raise SettingError(f"{path} does not exist", "Correct the path") from None
    except (OSError, EOFError, lzma.LZMAError, zstandard.ZstdError) as error:
        raise SettingError(f"{path} cannot be unpacked: {error}", "Fetch the file again") from None


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


def read_set(path: str, fields: tuple[str, ...]) -> Iterator[str]:
    """The texts of an evaluation set: JSON lines, tab-separated values, or a text a line.

    `fields` are names in JSON, numbers of columns from 0 in tab-separated values;
    none means all.  `.gz`, `.xz`, `.bz2` and `.zst` are unpacked.
    Raises SettingError when the file is missing, broken, or has no such field.
    """
    if not files.exists(path):
        raise SettingError(f"Evaluation set {path} does not exist", "Change contamination.sets")
    name = path.removesuffix(".zst").removesuffix(".gz").removesuffix(".xz").removesuffix(".bz2")
    lines = read_text(path).splitlines()
    try:
        if name.endswith((".jsonl", ".ndjson", ".json")):
            yield from _json_texts(lines, fields)
        elif name.endswith(".tsv"):
            rows = csv.reader(io.StringIO("\n".join(lines)), delimiter="\t", quoting=csv.QUOTE_NONE)
            for row in rows:
                yield from ([row[int(field)] for field in fields] if fields else row)
        else:
            yield from lines
    except (orjson.JSONDecodeError, KeyError, IndexError, ValueError) as error:
        raise SettingError(
            f"Evaluation set {path}: {type(error).__name__} {error}", "Check file and fields"
        ) from None


def _json_texts(lines: Iterable[str], fields: tuple[str, ...]) -> Iterator[str]:
    for line in filter(None, lines):
        row = orjson.loads(line)
        values = [row[field] for field in fields] if fields else row.values()
        yield from (value for value in values if isinstance(value, str))
