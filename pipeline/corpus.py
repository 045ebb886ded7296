"""The contract on disk between every stage, and between pipeline and trainer.

A corpus is a folder (`docs/formats.md`).  Each stage owns one folder an interval;
its `MANIFEST.json` is written last, so a stage without one is unfinished.  This
module knows paths, table schemas, ids, counts, manifests and fingerprints, and
imports neither Beam nor torch.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import orjson
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline import files
from pipeline.errors import SettingError, WebtextError

#: The stages, in the order in which data flows.
STAGES = ("links", "pages", "documents", "dedup", "quality", "corpus", "tokens")

MANIFEST = "MANIFEST.json"
#: Scratch of an unfinished stage (exchange files, progress); removed when it is done.
WORK = "_work"
PROGRESS = "_progress"
#: Keeps the finished build before while a stage is run again.
PREVIOUS = "_previous"

MENTION = pa.struct(
    [
        ("kind", pa.string()),  # post | selftext | comment | list
        ("reddit_id", pa.string()),  # t3_… or t1_…; empty for lists
        ("subreddit", pa.string()),
        ("score", pa.int64()),
        ("created", pa.int64()),  # seconds since 1970, UTC
    ]
)

SCHEMAS: dict[str, pa.Schema] = {
    "links": pa.schema(
        [
            ("id", pa.string()),
            ("key", pa.string()),
            ("url", pa.string()),
            ("host", pa.string()),
            ("karma", pa.int64()),
            ("first_seen", pa.int64()),
            ("mentions", pa.list_(MENTION)),
        ]
    ),
    "fetches": pa.schema(
        [
            ("id", pa.string()),
            ("url", pa.string()),
            ("final_url", pa.string()),
            ("outcome", pa.string()),
            ("status", pa.int32()),
            ("content_type", pa.string()),
            ("bytes", pa.int64()),
            ("digest", pa.string()),  # sha256 of the body as received
            ("warc_file", pa.string()),
            ("warc_offset", pa.int64()),
            ("fetched_at", pa.int64()),
            ("robots", pa.string()),
            ("attempts", pa.int32()),
            ("error", pa.string()),
            ("origin", pa.string()),  # web | warc | commoncrawl | wayback; empty: nobody asked
            ("charset", pa.string()),
            ("charset_by", pa.string()),  # bom | header | meta | utf-8 | detected
        ]
    ),
    "documents": pa.schema(
        [
            ("id", pa.string()),
            ("url", pa.string()),
            ("title", pa.string()),
            ("date", pa.string()),  # ISO day, or empty
            ("language", pa.string()),  # ISO 639-1
            ("language_score", pa.float64()),
            ("text", pa.string()),
            ("chars", pa.int64()),
            ("words", pa.int64()),
            ("digest", pa.string()),  # sha256 of the text
            ("outcome", pa.string()),
            ("canonical", pa.string()),  # the address the page gives as its own, or empty
        ]
    ),
    # Pages that gave no document: why, the value measured against the limit, more in words.
    "drops": pa.schema(
        [
            ("id", pa.string()),
            ("url", pa.string()),
            ("outcome", pa.string()),
            ("value", pa.float64()),
            ("language", pa.string()),
            ("error", pa.string()),
        ]
    ),
    "dedup": pa.schema(
        [
            ("id", pa.string()),
            ("kept_id", pa.string()),
            ("similarity", pa.float64()),
            ("kind", pa.string()),  # exact | near
        ]
    ),
    "corpus": pa.schema(
        [
            ("id", pa.string()),
            ("url", pa.string()),
            ("title", pa.string()),
            ("date", pa.string()),
            ("karma", pa.int64()),
            ("language", pa.string()),
            ("text", pa.string()),
            ("words", pa.int64()),
        ]
    ),
    "decisions": pa.schema(
        [
            ("id", pa.string()),
            ("kept", pa.bool_()),
            ("stage", pa.string()),
            ("reason", pa.string()),
            ("value", pa.float64()),
            ("threshold", pa.float64()),
            ("kept_id", pa.string()),
            ("similarity", pa.float64()),
            ("detail", pa.string()),  # what matched: evaluation set and n-gram, takedown entry
        ]
    ),
    "tokens": pa.schema(
        [
            ("id", pa.string()),
            ("shard", pa.string()),  # train-00000-of-00008
            ("start", pa.int64()),  # in tokens from the start of the shard's .bin
            ("length", pa.int64()),  # in tokens, end token included
        ]
    ),
}

#: Columns that say when, by which try or in which file: no part of what a stage says.
VOLATILE: dict[str, frozenset[str]] = {
    "fetches": frozenset({"warc_file", "warc_offset", "fetched_at", "attempts", "error"}),
    "drops": frozenset({"error"}),
}


def page_id(key: str) -> str:
    """The id of a page: blake2b of its canonical address, 16 bytes, in hex."""
    return hashlib.blake2b(key.encode(), digest_size=16).hexdigest()


def bucket_of(identity: str, buckets: int) -> int:
    """The bucket of a hex id: equal ranges of the hash space, so buckets are id-ordered."""
    return int(identity[:8], 16) * buckets >> 32


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
    said = table.drop_columns([name for name in table.column_names if name in volatile])
    total = 0
    for batch in said.to_batches(max_chunksize=4096):
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


class Manifest(BaseModel):
    """What a finished stage says of itself (`MANIFEST.json`)."""

    model_config = ConfigDict(extra="forbid")

    stage: str
    interval: str
    settings: dict[str, Any]
    settings_hash: str
    inputs: dict[str, str]
    code_version: str
    runner: str
    counts: Counts
    files: list[FileEntry]
    fingerprint: str
    #: Further numbers of the stage, summed over its parts (lines read, bytes fetched).
    extra: dict[str, int] = Field(default_factory=dict)
    #: Seconds from the start of the stage to its manifest, and when that was (UTC, ISO).
    seconds: float = 0.0
    finished: str = ""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if not self.counts.balanced():
            raise ValueError(f"counts do not add up: {self.counts.model_dump(by_alias=True)}")
        return self

    def to_json(self) -> bytes:
        """Indented JSON, as it is on disk."""
        return orjson.dumps(self.model_dump(by_alias=True), option=orjson.OPT_INDENT_2) + b"\n"

    def tables(self, prefix: str) -> list[FileEntry]:
        """The Parquet files whose names begin with `prefix`, in order of name."""
        found = [f for f in self.files if f.name.startswith(prefix) and f.name.endswith(".parquet")]
        return sorted(found, key=lambda f: f.name)


def read_manifest(folder: str) -> Manifest | None:
    """The manifest in `folder`, None without one; WebtextError when it cannot be read."""
    path = files.join(folder, MANIFEST)
    if not files.exists(path):
        return None
    try:
        return Manifest.model_validate_json(files.read_bytes(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise WebtextError(
            f"{path} is damaged: {first['msg']}", "Remove it and build the stage again"
        ) from None


@dataclass(frozen=True)
class Corpus:
    """The folder of a corpus.  `root` is a local path or an fsspec address."""

    root: str

    def folder(self, stage: str, interval: str) -> str:
        """The folder of a stage of an interval; of tokens, pass `tokens/NAME` as the stage."""
        return files.join(self.root, stage, interval)

    def tokenizer(self, name: str) -> str:
        """The folder of a tokenizer."""
        return files.join(self.root, "tokenizers", name)

    def token_stages(self) -> list[str]:
        """The stages with shards, one a tokenizer: `tokens/NAME`."""
        found = files.glob(files.join(self.root, "tokens", "*"))
        return ["tokens/" + path.rstrip("/").rsplit("/", 1)[-1] for path in found]

    def manifest(self, stage: str, interval: str) -> Manifest | None:
        """The manifest of a stage, None while it is unfinished."""
        return read_manifest(self.folder(stage, interval))

    def require(self, stage: str, interval: str) -> Manifest:
        """The manifest of a stage; WebtextError while it is unfinished."""
        manifest = self.manifest(stage, interval)
        if manifest is None:
            raise WebtextError(
                f"Stage {stage} of {interval} is not built in {self.root}",
                f"Run `webtext build RECIPE --until {stage}` first",
            )
        return manifest

    def intervals(self, stage: str) -> list[str]:
        """The intervals for which a stage is finished, in order."""
        found = files.glob(files.join(self.root, stage, "*", MANIFEST))
        return sorted(path.rsplit("/", 2)[1] for path in found)

    def last_interval(self, stage: str) -> str:
        """The last finished interval of a stage; WebtextError where there is none."""
        found = self.intervals(stage)
        if not found:
            raise WebtextError(
                f"{self.root} has no finished stage {stage}", "Run `webtext build RECIPE` first"
            )
        return found[-1]

    def intervals_before(self, stage: str, interval: str) -> list[str]:
        """The finished intervals of a stage that come before `interval`."""
        return [name for name in self.intervals(stage) if name < interval]

    def paths(self, stage: str, interval: str, prefix: str = "part-") -> list[str]:
        """The Parquet files of a finished stage whose names begin with `prefix`, in order."""
        manifest = self.require(stage, interval)
        folder = self.folder(stage, interval)
        return [files.join(folder, entry.name) for entry in manifest.tables(prefix)]


def check_interval(interval: str) -> str:
    """Refuses names that would not sort or could not be a folder."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", interval):
        raise SettingError(
            f"Interval {interval!r} is not a plain name", "Use letters, digits, '-', '.', '_'"
        )
    return interval
