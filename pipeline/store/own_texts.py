"""Texts that a user has already: in which files and columns they are, and how they are named.

They enter a corpus as pages whose text is known: the links stage reads their addresses, the pages
stage their texts, each with the settings below.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote, unquote

import orjson

from pipeline.store import files, tables
from pipeline.store.addresses import page_of
from pipeline.store.decode import decode
from pipeline.store.errors import SettingError
from pipeline.store.moments import is_missing, seconds_of
from pipeline.store.settings import Settings
from pipeline.store.textfiles import read_unpacked

#: The media type of a text with its title and date, as the pages stage stores it.
MEDIA_TYPE = "application/vnd.webtext.text+json"
#: The host of texts that have no address of their own: a name that no host can have (RFC 2606).
HOST = "texts.invalid"
_NAMED = f"https://{HOST}/?text="

#: Of fewer bytes beyond ASCII no encoding can be told, so the most frequent one is taken.  From
#: ten on, sentences in Spanish, German, French, Portuguese and Swedish were all told rightly.
_FEW_BYTES = 10
_LOOKED_AT = 1 << 20  # bytes
_BEYOND_ASCII = bytes(range(128, 256))
_WHOLE_FILES = 1_000  # small files that are read as one unit
_LONGEST_NAME = 1_000  # characters of an address; of a longer name the hash stands in it
#: What marks a folder that the library `datasets` has saved.
_DATASET_MARKS = ("state.json", "dataset_dict.json")


class TextFiles(Settings):
    """Which files hold the texts, and which of their columns say what."""

    path: str = ""
    """The files: a glob, a folder with all below it, or a data set that `datasets` has saved.
    Parquet, Arrow, CSV, TSV, JSON lines and arrays are tables; any other file is one text."""
    text: str = "text"
    """The column of the texts."""
    id: str = ""
    """The column that names each text, in all files once; without it a text without an address is
    named by its file and row."""
    url: str = ""
    """The column of addresses: a text is then the page at that address."""
    title: str = ""
    """The column of titles."""
    date: str = ""
    """The column of dates: ISO days, times, or seconds since 1970."""
    karma: str = ""
    """The column of scores, for `links.min_karma`.  Texts without a score are kept."""
    whole_files: bool = False
    """Whether each file is one text, whatever its name: for a folder of source code or JSON."""

    volatile: ClassVar[frozenset[str]] = frozenset({"path"})

    def columns(self) -> list[str]:
        """The columns that are read."""
        named = (self.text, self.id, self.url, self.title, self.date, self.karma)
        return [name for name in dict.fromkeys(named) if name]


@dataclass(frozen=True)
class OwnText:
    """One text with what its row says of it; `url` is its own address or one made of its name."""

    url: str
    text: str
    title: str = ""
    date: Any = None
    karma: Any = None

    @property
    def seconds(self) -> int:
        """Seconds since 1970 of the date; 0 where there is none, or what is there is none."""
        try:
            return seconds_of(self.date)
        except ValueError:
            return 0

    def packed(self) -> bytes:
        """The text, its title and its ISO day as JSON."""
        day = _iso_day(self.seconds)
        return orjson.dumps({"text": self.text, "title": self.title, "date": day})


class NoTextError(ValueError):
    """A row without a text."""


@dataclass(frozen=True)
class TextBundle:
    """What is read as one unit: a table, or some whole files.  `name` stays when a folder moves."""

    name: str
    paths: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def is_table(self) -> bool:
        """Whether it is a table; else each file is one text."""
        return not self.names

    def fingerprint(self) -> str:
        """A hash of what its files are named and say."""
        parts = [files.content_fingerprint(path) for path in self.paths]
        if self.is_table:
            return parts[0]
        return hashlib.blake2b(
            "\0".join([*self.names, *parts]).encode(), digest_size=16
        ).hexdigest()

    def size(self) -> int:
        """Bytes to read, packed."""
        return sum(map(files.size, self.paths))


def unpacked_text(body: bytes) -> dict[str, str]:
    """The inverse of `OwnText.packed`.  Raises ValueError for what is none."""
    values = orjson.loads(body)
    if not isinstance(values, dict) or not isinstance(values.get("text"), str):
        raise ValueError("no text with title and date")
    return {name: str(values.get(name) or "") for name in ("text", "title", "date")}


def find_bundles(settings: TextFiles, setting: str) -> list[TextBundle]:
    """All there is to read, in order of name; `setting` names `settings.path` in errors.

    Of thousands of tables only the first of each kind is opened; the others are looked at as they
    are read.  Raises SettingError where nothing is there, and where that first one lacks a column
    that is named.
    """
    if not settings.path:
        raise SettingError(f"{setting} is empty", "Name the files of the texts, or their folder")
    paths, base = _found(settings.path, setting)
    named = [(path.removeprefix(base).lstrip("/"), path) for path in paths]
    bundles, whole = [], []
    first: dict[str, str] = {}
    for name, path in named:
        suffix = tables.suffix_of(path)
        if settings.whole_files or suffix not in tables.SUFFIXES:
            whole.append((name, path))
        else:
            first.setdefault(suffix, path)
            bundles.append(TextBundle(name, (path,), ()))
    for path in first.values():
        _check_columns(path, settings)
    for start in range(0, len(whole), _WHOLE_FILES):
        some = whole[start : start + _WHOLE_FILES]
        rest = f" and {len(some) - 1:,} more" if len(some) > 1 else ""
        names, some_paths = zip(*some, strict=True)
        bundles.append(TextBundle(f"{names[0]}{rest}", some_paths, names))
    return sorted(bundles, key=lambda bundle: bundle.name)


def rows_of(bundle: TextBundle, settings: TextFiles) -> Iterator[OwnText | NoTextError]:
    """The texts of a bundle, in order; in place of a row without one the error that says so.

    Raises SettingError for what is cut or damaged, and for a table without a column that is named.
    """
    if bundle.is_table:
        _check_columns(bundle.paths[0], settings)
        for number, row in enumerate(tables.read_rows(bundle.paths[0], settings.columns()), 1):
            try:
                yield _of_row(row, f"{bundle.name}#{number}", settings)
            except NoTextError as error:
                yield error
    else:
        for name, path in zip(bundle.names, bundle.paths, strict=True):
            yield OwnText(address_of(name), _whole_text(path))


def address_of(name: str) -> str:
    """The address of a text that has only a name; two names never share one."""
    encoded = quote(name, safe="")
    if len(encoded) > _LONGEST_NAME:
        encoded = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    return f"{_NAMED}{encoded}"


def name_in(address: str) -> str | None:
    """The name that `address_of` made an address of; None for an address of the web."""
    if not address.startswith(_NAMED):
        return None
    return unquote(address.removeprefix(_NAMED))


def _whole_text(path: str) -> str:
    """A file as one text; of one that is not in UTF-8 the encoding is found by its bytes."""
    data = read_unpacked(path)
    start = data[:_LOOKED_AT]
    few = len(start) - len(start.translate(None, _BEYOND_ASCII)) < _FEW_BYTES
    return decode(data, "text/plain; charset=windows-1252" if few else "text/plain").text


def _of_row(row: tables.Row, name: str, settings: TextFiles) -> OwnText:
    text = row.get(settings.text)
    if not isinstance(text, str):
        raise NoTextError(f"column {settings.text!r} holds no text")
    url, own = row.get(settings.url), row.get(settings.id)
    if isinstance(url, str) and page_of(url) is not None:
        address = url
    else:
        address = address_of(name if is_missing(own) else str(own))
    title = row.get(settings.title)
    return OwnText(
        address,
        text.encode("utf-8", "replace").decode(),
        "" if is_missing(title) else str(title),
        row.get(settings.date),
        row.get(settings.karma),
    )


def _iso_day(seconds: int) -> str:
    """The day as ISO writes it; empty for 0, and beyond what Python can date."""
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat() if seconds else ""
    except (ValueError, OverflowError, OSError):
        return ""


def _check_columns(path: str, settings: TextFiles) -> None:
    there = tables.column_names(path)
    for name in settings.columns() if there is not None else []:
        if name not in (there or []):
            columns = ", ".join(there or [])
            parted = len(there or []) == 1 and ";" in columns
            remedy = "Name its columns: text, id, url, title, date, karma"
            raise SettingError(
                f"{path} has no column {name!r}; it has: {columns}",
                "Save it with commas between its columns" if parted else remedy,
            )


def _found(path: str, setting: str) -> tuple[list[str], str]:
    """The files of a path, sorted, and the folder that is no part of their names."""
    if not files.is_folder(path):
        return files.matching(path, setting), _folder_of(path)
    inside = files.all_below(path)
    if any(files.name_of(one) in _DATASET_MARKS for one in inside):
        inside = [one for one in inside if one.endswith(".arrow")]
    if not inside:
        raise SettingError(f"{setting} = {path!r} holds no file", "Check the path")
    return inside, path


def _folder_of(pattern: str) -> str:
    """The folder of a file, or that of all files of a glob: what is before its first sign."""
    named = files.exists(pattern)  # its signs mean themselves
    fixed = pattern if named else re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    folder = fixed.rpartition("/")[0]
    return folder if files.is_remote(pattern) else os.path.abspath(files.local_path(folder or "."))
