"""Units of one part of documents: what is cut out of the texts, and what the rest measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline.quality.lines import read_host_lines
from pipeline.quality.measure_document import measurement_schema, measurer
from pipeline.quality.settings import MeasureSettings
from pipeline.store.addresses import host_of
from pipeline.store.cuts import without
from pipeline.store.language import identify
from pipeline.store.parquet import read_rows
from pipeline.store.parts import Part, PartWriter, finished_part
from pipeline.store.progress import Progress
from pipeline.store.repeated_lines import NO_LINES, Repeated, find_repeated
from pipeline.store.schemas import SCHEMAS
from pipeline.store.unspaced import count_words

#: Of the lines that repeat across the host.  Where some were cut, length and language of what is
#: left, which the documents stage has measured of the whole: null for all other pages.
LINES = pa.schema(
    [
        ("lines_share", pa.float64()),  # of the characters; above `most` the page stays as it is
        ("lines_cut", pa.int64()),
        ("lines_words", pa.int64()),
        ("lines_language", pa.string()),
        ("lines_language_score", pa.float64()),
    ]
)


@dataclass(frozen=True)
class MeasureUnit:
    """A part of documents to measure; `host_lines` are the tables of all hosts."""

    documents: str
    host_lines: tuple[str, ...]
    name: str
    folder: str
    key: str
    settings: MeasureSettings


def quality_schema() -> pa.Schema:
    """The table of measurements: one row a document."""
    measured = measurement_schema()
    return pa.schema([measured.field("id"), *LINES, *list(measured)[1:]])


def cuts_name(part: str) -> str:
    """The table of cuts beside the measurements of a part."""
    return part.replace("part-", "_cuts-", 1)


def measure_part(unit: MeasureUnit) -> list[Part]:
    """Writes the cuts of one part of documents, and the measurements of what they leave."""
    names = unit.name, cuts_name(unit.name)
    done = [finished_part(unit.folder, name, unit.key) for name in names]
    if done[0] is not None and done[1] is not None:
        return [done[0], done[1]]
    measures, host_lines = measurer(unit.settings), read_host_lines(unit.host_lines, unit.documents)
    most = unit.settings.host_lines.most
    extra = {"host_lines_cut": 0, "host_lines_pages": 0, "host_lines_left": 0}
    with (
        PartWriter(unit.folder, names[0], quality_schema(), unit.key) as writer,
        PartWriter(unit.folder, names[1], SCHEMAS["cuts"], unit.key) as cuts,
        Progress(unit.folder, unit.name) as progress,
    ):
        for row in read_rows(unit.documents, ["id", "url", "text", "language"]):
            lines = host_lines.get(host_of(row["url"]), NO_LINES)
            repeated, text = find_repeated(row["text"], lines), row["text"]
            said: dict[str, Any] = {"lines_share": repeated.share, "lines_cut": 0}
            language = row["language"]
            if repeated.share > most:
                extra["host_lines_left"] += 1
            elif repeated.lines:
                text = without(text, repeated.spans)
                said |= {"lines_cut": repeated.lines} | measure_left(text)
                language = said["lines_language"]
                cuts.add(_cuts(row["id"], repeated))
                extra["host_lines_cut"] += repeated.lines
                extra["host_lines_pages"] += 1
            writer.add([measures.measure(row["id"], text, language) | said])
            progress.add()
        writer.extra.update(extra)
    return [writer.finish(), cuts.finish()]


def measure_left(text: str) -> dict[str, Any]:
    """Length and language of what is left of a text, in the columns of `LINES`."""
    language, score = identify(text)
    return {
        "lines_words": count_words(text),
        "lines_language": language,
        "lines_language_score": score,
    }


def _cuts(page: str, repeated: Repeated) -> list[dict[str, Any]]:
    return [{"id": page, "start": start, "stop": stop} for start, stop in repeated.spans]
