"""Lists of addresses that someone chose as a source (`kind = "urls"`), packed or not.

txt, tsv, csv, jsonl and Parquet can be read.

A text list has an address a line, and after a tab a score and a date.  csv, jsonl and
Parquet name their columns: `url`, and if they like `score` (or `karma`) and `date` (or
`created`, `created_utc`).  An address without a score passes `min_karma`.
OpenWebText's lists (txt in xz) and OpenWebText2's (csv, jsonl in zst) open as they are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from pipeline.links.read_log import ReadLog
from pipeline.links.records import BadLineError, Mention, in_range, parse
from pipeline.links.sources import LinkSource, SourceItem
from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.store.parquet import open_table

_SCORES = ("score", "karma")
_DATES = ("date", "created", "created_utc")
_PACKED = (".zst", ".xz", ".bz2")


class UrlList(LinkSource):
    """Addresses that someone chose: txt, tsv, csv, jsonl or Parquet."""

    kind: Literal["urls"]
    """A list of addresses."""
    path: str
    """Glob of the files."""

    globs: ClassVar[tuple[str, ...]] = ("path",)

    def mentions(self, item: SourceItem, log: ReadLog) -> Iterator[Mention]:
        """One for each address."""
        if list_format(item.path) == "parquet":
            return _of_table(item.path, log)
        return log.each_line(item.path, ListReader(item.path).read)


def _of_table(path: str, log: ReadLog) -> Iterator[Mention]:
    for number, row in enumerate(parquet_rows(path, log.progress)):
        log.count()
        try:
            yield named_mention(row)
        except BadLineError as error:
            log.reject(number, b"", error)


def list_format(path: str) -> str:
    """`txt`, `csv`, `jsonl` or `parquet`, from the name without its packing."""
    name = path.lower()
    for packing in _PACKED:
        name = name.removesuffix(packing)
    ending = name.rsplit(".", 1)[-1]
    return {"csv": "csv", "jsonl": "jsonl", "ndjson": "jsonl", "parquet": "parquet"}.get(
        ending, "txt"
    )


class ListReader:
    """Turns the lines of one text list into mentions; csv remembers its header."""

    def __init__(self, path: str) -> None:
        self._format = list_format(path)
        self._header: list[str] | None = None

    def read(self, line: bytes) -> list[Mention]:
        """The mention of a line.  Raises BadLineError where it is none."""
        if self._format == "jsonl":
            return [named_mention(parse(line))]
        try:
            text = line.decode("utf-8-sig").strip()
        except UnicodeDecodeError as error:
            raise BadLineError(str(error)) from None
        if self._format == "csv":
            try:
                return self._row(next(csv.reader(io.StringIO(text, newline="")), []))
            except csv.Error as error:
                raise BadLineError(str(error)) from None
        if text.startswith("#"):
            return []
        url, *rest = text.split("\t")
        score, date = (*rest, "", "")[:2]
        return [named_mention({"url": url, "score": score, "date": date})]

    def _row(self, row: list[str]) -> list[Mention]:
        if self._header is None:
            names = [name.strip().lower() for name in row]
            self._header = names if "url" in names else ["url", "score", "date"]
            if "url" in names:
                return []
        return [named_mention(dict(zip(self._header, row, strict=False)))]


def parquet_rows(path: str, progress: Callable[[int], None]) -> Iterator[Mapping[str, Any]]:
    """The rows of a Parquet list, batch by batch; WebtextError without a column `url`.

    `progress` is told of the bytes that each batch stands for.
    """
    size = files.size(path)
    with open_table(path, "Fetch it again, or write it anew") as table:
        names = table.schema_arrow.names
        if "url" not in names:
            raise WebtextError(f"{path} has no column `url`", f"It has: {', '.join(names)}")
        wanted = [name for name in ("url", *_SCORES, *_DATES) if name in names]
        for batch in table.iter_batches(batch_size=10_000, columns=wanted):
            yield from batch.to_pylist()
            progress(size * batch.num_rows // max(table.metadata.num_rows, 1))


def named_mention(row: Mapping[str, Any]) -> Mention:
    """The mention of a row with named columns.  Raises BadLineError where it is none."""
    url = row.get("url")
    if not isinstance(url, str) or not url.strip():
        raise BadLineError("no url")
    score = next((row[name] for name in _SCORES if row.get(name) not in (None, "")), None)
    date = next((row[name] for name in _DATES if row.get(name) not in (None, "")), None)
    try:
        number, created = None if score is None else int(float(score)), _seconds(date)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadLineError(str(error)) from None
    in_range(number or 0, created)
    return Mention(url.strip(), "list", score=number, created=created)


def _seconds(date: Any) -> int:
    """Seconds since 1970 of a number, an ISO date or a datetime; without a zone it is UTC."""
    if date is None:
        return 0
    if isinstance(date, (int, float)):
        return int(date)
    text = str(date).strip()
    if text.replace(".", "", 1).isdigit() and len(text) > 8:
        return int(float(text))
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
