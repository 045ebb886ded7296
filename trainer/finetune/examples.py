"""Labelled sentences or pairs, from CoLA's own files or any TSV or JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.store.errors import SettingError


@dataclass(frozen=True)
class Example:
    """One sentence, or two, with its label."""

    first: str
    second: str
    label: str


@dataclass(frozen=True)
class Columns:
    """Where the parts of an example are: names of a header's columns or of JSON keys.

    CoLA's files have no header: a source, the label, the author's mark, the sentence.
    """

    text: str = "sentence"
    pair: str = ""
    label: str = "label"


def read_examples(path: str, columns: Columns, cola: bool = False) -> list[Example]:
    """All examples of a file.  Raises SettingError when a column is missing or nothing is there."""
    file = Path(path)
    if not file.is_file():
        raise SettingError(f"{path} is no file", "Give a TSV or JSON lines file")
    try:
        examples = list(_cola(file) if cola else _rows(file, columns))
    except KeyError as error:
        raise SettingError(
            f"{path} has no column {error}", "Name its columns with --text, --pair and --label"
        ) from None
    except IndexError:
        raise SettingError(
            f"{path} has a line of less than four columns", "Leave --cola out for other files"
        ) from None
    except ValueError as error:
        raise SettingError(f"{path} cannot be read: {error}", "Correct the file") from None
    if not examples:
        raise SettingError(f"{path} has no examples", "Give another file")
    return examples


def _cola(file: Path) -> Iterator[Example]:
    for line in file.read_text(encoding="utf-8").splitlines():
        fields = line.split("\t")
        yield Example(fields[3], "", fields[1])


def _rows(file: Path, columns: Columns) -> Iterator[Example]:
    with file.open(encoding="utf-8", newline="") as stream:
        if file.suffix in (".jsonl", ".json", ".ndjson"):
            rows: Iterable[Any] = (json.loads(line) for line in stream if line.strip())
        else:
            rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        for row in rows:
            second = str(row[columns.pair]) if columns.pair else ""
            yield Example(str(row[columns.text]), second, str(row[columns.label]))
