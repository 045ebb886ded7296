"""What a finished stage says of itself: settings, inputs, counts that add up, files, fingerprint.

`_manifest.json` is written last, so a stage without one is unfinished.  Readers of tables skip
names that begin with `_`, so they open a stage's folder as it is.  A fingerprint is the
sum of a hash of each row: it depends on no order, and partial sums add up.

Of very many files it names the files that list them, so that who wants to know what a stage says
reads some kilobytes, whatever the size of the corpus.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Self

import orjson
import pyarrow as pa
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.store.lease import Lease

MANIFEST = "_manifest.json"
#: Its name in corpora built before 0.2; they are read, verified and extended as they are.
OLD_MANIFEST = "MANIFEST.json"
#: Scratch of an unfinished stage (exchange files, progress); removed when it is done.
WORK = "_work"
PROGRESS = "_progress"
#: Keeps the finished build before while a stage is run again.
PREVIOUS = "_previous"
#: Files that a manifest lists by itself; of more each so many are listed in a file of their own.
LISTED = 10_000
_LIST = "_files-"
_REMEDY = "Remove {} beside it and build the stage again"

#: Tables of numbers: table -> row -> column -> number.
Audit = dict[str, dict[str, dict[str, int]]]


def add_audits(one: Audit, other: Audit) -> Audit:
    """The sum of two audits, number by number, in order of names."""
    tables: Audit = {}
    for name in sorted(one.keys() | other.keys()):
        rows, more = one.get(name, {}), other.get(name, {})
        tables[name] = {
            row: add_numbers(rows.get(row, {}), more.get(row, {}))
            for row in sorted(rows.keys() | more.keys())
        }
    return tables


def add_numbers(*rows: Mapping[str, int]) -> dict[str, int]:
    """The sum of rows of numbers, column by column."""
    total: dict[str, int] = {}
    for row in rows:
        for name, number in row.items():
            total[name] = total.get(name, 0) + number
    return total


def row_hash(row: dict[str, Any]) -> int:
    """256-bit hash of one row, independent of the order of its columns."""
    return int.from_bytes(
        hashlib.blake2b(orjson.dumps(row, option=orjson.OPT_SORT_KEYS), digest_size=32).digest()
    )


def add_fingerprints(parts: Iterable[str]) -> str:
    """The sum modulo 2^256 of hex fingerprints: that of the union of their rows."""
    return f"{sum(int(part, 16) for part in parts) % (1 << 256):064x}"


def table_fingerprint(table: pa.Table, volatile: frozenset[str] = frozenset()) -> str:
    """The sum modulo 2^256 of the hashes of all rows, without volatile columns, in hex."""
    content = table.drop_columns([name for name in table.column_names if name in volatile])
    total = 0
    for batch in content.to_batches(max_chunksize=4096):
        total += sum(row_hash(row) for row in batch.to_pylist())
    return f"{total % (1 << 256):064x}"


class Counts(BaseModel):
    """What went into a unit of work, what was kept, and why the rest was dropped."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    seen: int = Field(0, alias="in")
    kept: int = 0
    dropped: dict[str, int] = Field(default_factory=dict)

    def keep(self, n: int = 1) -> None:
        """Counts `n` that came in and were kept."""
        self.seen += n
        self.kept += n

    def drop(self, reason: str, n: int = 1) -> None:
        """Counts `n` that came in and were dropped for `reason`."""
        self.seen += n
        self.dropped[reason] = self.dropped.get(reason, 0) + n

    def __add__(self, other: Counts) -> Counts:
        reasons = sorted(self.dropped.keys() | other.dropped.keys())
        return Counts(
            seen=self.seen + other.seen,
            kept=self.kept + other.kept,
            dropped={r: self.dropped.get(r, 0) + other.dropped.get(r, 0) for r in reasons},
        )

    def balanced(self) -> bool:
        """True when in = kept + sum of drops."""
        return self.seen == self.kept + sum(self.dropped.values())


class FileEntry(BaseModel):
    """One file of a stage.  `name` is relative to the stage's folder.

    `fingerprint` is that of its rows; None for files that repeat or index what
    another file says (signatures, archives) and so stay out of the stage's.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    rows: int
    bytes: int
    sha256: str
    fingerprint: str | None = None


class FileList(BaseModel):
    """A file beside the manifest that lists files of the stage: a JSON array of `FileEntry`."""

    model_config = ConfigDict(extra="forbid")

    #: Of its content, so that lists of another build never take its place.
    name: str
    #: How many it lists, and their bytes together.
    files: int
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a finished stage says of itself (`_manifest.json`)."""

    model_config = ConfigDict(extra="forbid")

    stage: str
    interval: str
    settings: dict[str, Any]
    settings_hash: str
    inputs: dict[str, str]
    code_version: str
    runner: str
    counts: Counts
    #: Those that are listed here; `entries` has all.
    files: list[FileEntry]
    #: Lists of the others.
    lists: list[FileList] = Field(default_factory=list)
    fingerprint: str
    #: Further numbers of the stage, summed over its parts (lines read, bytes fetched).
    extra: dict[str, int] = Field(default_factory=dict)
    #: Numbers of each input and the like: table -> row -> column.
    audit: Audit = Field(default_factory=dict)
    #: What a user should know of the result, a sentence each.
    warnings: list[str] = Field(default_factory=list)
    #: Seconds from the start of the stage to its manifest, and when that was (UTC, ISO).
    seconds: float = 0.0
    finished: str = ""
    #: Versions of what decides bytes, by package; names what two corpora differ by.
    packages: dict[str, str] = Field(default_factory=dict)
    #: Of a draft: the right to write it, which is proven first.  Not on disk.
    lease: Lease | None = Field(default=None, exclude=True)
    #: Where its lists are.
    _folder: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if not self.counts.balanced():
            raise ValueError(f"counts do not add up: {self.counts.model_dump(by_alias=True)}")
        return self

    def to_json(self) -> bytes:
        """Indented JSON, as it is on disk."""
        values = self.model_dump(by_alias=True, exclude=None if self.lists else {"lists"})
        return orjson.dumps(values, option=orjson.OPT_INDENT_2) + b"\n"

    def entries(self) -> Iterator[FileEntry]:
        """All files of the stage, in order.  Raises WebtextError where a list of them is damaged.

        Lists are read one after the other, so memory does not grow with the files.
        """
        yield from self.files
        for one in self.lists:
            yield from _read_list(files.join(self._folder, one.name), one.sha256)

    def file_count(self) -> int:
        """The number of the stage's files."""
        return len(self.files) + sum(one.files for one in self.lists)

    def size(self) -> int:
        """Their bytes."""
        listed = sum(one.bytes for one in self.lists)
        return listed + sum(entry.bytes for entry in self.files)

    def own_names(self) -> set[str]:
        """The names of the manifest and of its lists."""
        return {MANIFEST, *(one.name for one in self.lists)}

    def tables(self, prefix: str) -> list[FileEntry]:
        """The Parquet files whose names begin with `prefix`, or `_` and it, in order of name."""
        parquet = (entry for entry in self.entries() if entry.name.endswith(".parquet"))
        tables = [entry for entry in parquet if entry.name.removeprefix("_").startswith(prefix)]
        return sorted(tables, key=lambda entry: entry.name)


def table_of(name: str) -> str:
    """The table that a file is of: `decisions` of `_decisions-00000-of-00001.parquet`."""
    return name.removeprefix("_").split("-", 1)[0]


def manifest_path(folder: str) -> str | None:
    """Where the manifest of a stage's folder is, None without one."""
    paths = (files.join(folder, name) for name in (MANIFEST, OLD_MANIFEST))
    return next((path for path in paths if files.exists(path)), None)


def write_manifest(folder: str, manifest: Manifest) -> Manifest:
    """Writes the manifest of a stage's folder, as it is given back; one with the old name goes."""
    written = _in_lists(folder, manifest)
    files.write_bytes(files.join(folder, MANIFEST), written.to_json())
    files.remove(files.join(folder, OLD_MANIFEST))
    if written.lists:
        _remove_lists(folder, but=written.own_names())
    return written


def _in_lists(folder: str, manifest: Manifest) -> Manifest:
    """The manifest with its files in lists in the folder where they are many, else without."""
    entries, lists = manifest.entries(), list[FileList]()
    if manifest.file_count() <= LISTED:
        return manifest.model_copy(update={"files": list(entries), "lists": lists})
    while some := list(islice(entries, LISTED)):
        data = orjson.dumps([entry.model_dump() for entry in some])
        digest = hashlib.sha256(data).hexdigest()
        name = f"{_LIST}{digest[:32]}.json"
        files.write_bytes(files.join(folder, name), data)
        size = sum(entry.bytes for entry in some)
        lists.append(FileList(name=name, files=len(some), bytes=size, sha256=digest))
    listed = manifest.model_copy(update={"files": [], "lists": lists})
    listed._folder = folder
    return listed


_ENTRIES = TypeAdapter(list[FileEntry])


def _read_list(path: str, sha256: str) -> list[FileEntry]:
    try:
        data = files.read_bytes(path)
    except FileNotFoundError:
        raise WebtextError(f"{path} is missing", _REMEDY.format(MANIFEST)) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise WebtextError(
            f"{path} was changed: its sha256 is not the recorded one", _REMEDY.format(MANIFEST)
        )
    return _ENTRIES.validate_json(data)


def _remove_lists(folder: str, but: Iterable[str] = ()) -> None:
    for path in files.listed(folder, f"{_LIST}*"):
        if files.name_of(path) not in but:
            files.remove(path)


def remove_manifest(folder: str) -> None:
    """Makes a stage unfinished."""
    for name in (OLD_MANIFEST, MANIFEST):
        files.remove(files.join(folder, name))
    _remove_lists(folder)


def read_manifest(folder: str) -> Manifest | None:
    """The manifest in `folder`, None without one; WebtextError when it cannot be read."""
    path = manifest_path(folder)
    if path is None:
        return None
    try:
        manifest = Manifest.model_validate_json(files.read_bytes(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise WebtextError(
            f"{path} is damaged or no manifest of webtext: {where or 'JSON'}: {first['msg']}",
            "Remove it and build the stage again",
        ) from None
    if manifest.lists:
        manifest._folder = folder
    return manifest
