"""Files that a user gives (evaluation sets, examples, lists), packed or not, as text."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

import orjson

from pipeline.store import files
from pipeline.store.errors import SettingError
from pipeline.store.packing import DamagedError, in_utf8, unpacked, without_packing

MAX_BYTES = 4 << 30  # unpacked; such files are read whole


def read_text(path: str) -> str:
    """The file as UTF-8 text (other bytes replaced), unpacked, without a byte order mark.

    Raises SettingError when it is missing, cut, damaged, or longer than MAX_BYTES.
    """
    return io.TextIOWrapper(io.BytesIO(read_unpacked(path)), "utf-8", errors="replace").read()


def read_unpacked(path: str) -> bytes:
    """The bytes of a text file, unpacked, without a byte order mark; UTF-16 with one as UTF-8.

    Raises as `read_text` does.
    """
    data = bytearray()
    for piece in _pieces(path):
        data += piece
        if len(data) > MAX_BYTES:
            raise SettingError(f"{path} is longer than {MAX_BYTES >> 30} GiB", "Split it")
    return bytes(data)


def read_lines(path: str, errors: str = "replace") -> Iterator[str]:
    """The lines of a file of any length as UTF-8 text, unpacked, one by one, without their ends.

    Other bytes are replaced; `errors="strict"` raises UnicodeDecodeError for them.
    Raises SettingError when it is missing, cut or damaged.
    """
    rest = bytearray()
    for piece in _pieces(path):
        rest += piece
        *lines, rest = rest.split(b"\n") if b"\n" in piece else [rest]
        for line in lines:
            yield line.decode("utf-8", errors)
    if rest:
        yield rest.decode("utf-8", errors)


def _pieces(path: str) -> Iterator[bytes]:
    try:
        with files.open_read(path) as stream:
            yield from in_utf8(unpacked(stream, path), path)
    except FileNotFoundError:
        raise SettingError(f"{path} does not exist", "Check the path") from None
    except IsADirectoryError:
        raise SettingError(f"{path} is a folder", "Name a file") from None
    except DamagedError as error:
        raise SettingError(f"{path} cannot be unpacked: {error}", "Fetch the file again") from None


def read_set(path: str, fields: tuple[str, ...]) -> Iterator[str]:
    """The texts of an evaluation set: JSON lines, tab-separated values, or a text a line.

    `fields` are names in JSON, numbers of columns from 0 in tab-separated values;
    none means all.  `.gz`, `.xz`, `.bz2` and `.zst` are unpacked.
    Raises SettingError when the file is missing, broken, or has no such field.
    """
    if not files.exists(path):
        raise SettingError(f"Evaluation set {path} does not exist", "Change contamination.sets")
    name = without_packing(path)
    lines = lines_of(read_text(path))
    try:
        if name.endswith((".jsonl", ".ndjson", ".json")):
            yield from _json_texts(lines, fields)
        elif name.endswith(".tsv"):
            for row in (line.split("\t") for line in filter(None, lines)):
                yield from ([row[int(field)] for field in fields] if fields else row)
        else:
            yield from lines
    except (orjson.JSONDecodeError, KeyError, IndexError, ValueError) as error:
        raise SettingError(
            f"Evaluation set {path}: {type(error).__name__} {error}", "Check file and fields"
        ) from None


def lines_of(text: str) -> list[str]:
    """Lines as files have them: a paragraph mark (U+2028) within JSON ends none."""
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def _json_texts(lines: Iterable[str], fields: tuple[str, ...]) -> Iterator[str]:
    for line in filter(None, lines):
        row = orjson.loads(line)
        values = [row[field] for field in fields] if fields else row.values()
        yield from (value for value in values if isinstance(value, str))
