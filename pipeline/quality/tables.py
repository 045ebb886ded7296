"""Units of one part of documents: what is cut out of the texts, and what the rest measures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow as pa

from pipeline.quality.lines import read_host_lines
from pipeline.quality.measure_document import measurement_schema, measurer
from pipeline.quality.scorers.score_part import TEXTS_AT_ONCE, PartScores, score_columns
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
    #: Of all that decides the texts: documents, and lines that are cut out of them.
    texts: str = ""
    #: The key of each scorer.
    scorers: Mapping[str, str] = field(default_factory=dict)

    def scores(self) -> PartScores:
        """The scores of the part."""
        settings = self.settings
        return PartScores(
            self.folder, self.name, self.texts, settings.scorers, settings.ensembles, self.scorers
        )


def quality_schema(settings: MeasureSettings | None = None) -> pa.Schema:
    """The table of measurements: one row a document; without `settings` that of no scorer."""
    measured = measurement_schema()
    names = score_columns(settings.scorers, settings.ensembles) if settings else []
    scores = [(name, pa.float64()) for name in names]
    return pa.schema([measured.field("id"), *LINES, *list(measured)[1:], *scores])


def cuts_name(part: str) -> str:
    """The table of cuts beside the measurements of a part."""
    return part.replace("part-", "_cuts-", 1)


def measure_part(unit: MeasureUnit) -> list[Part]:
    """Writes the cuts of one part of documents, and measurements and scores of what they leave."""
    names, scores = (unit.name, cuts_name(unit.name)), unit.scores()
    done = [finished_part(unit.folder, name, unit.key) for name in names] + scores.finished()
    parts = [part for part in done if part is not None]
    if len(parts) == len(done):
        return parts
    measures = measurer(unit.settings)
    with (
        PartWriter(unit.folder, names[0], quality_schema(unit.settings), unit.key) as writer,
        PartWriter(unit.folder, names[1], SCHEMAS["cuts"], unit.key) as cuts,
        scores,
        Progress(unit.folder, unit.name) as progress,
    ):
        texts, extra = _texts(unit), Counter(dict.fromkeys(_COUNTED, 0))
        while some := list(islice(texts, TEXTS_AT_ONCE)):
            columns = scores.score([one.id for one in some], [one.text for one in some])
            for one, scored in zip(some, columns, strict=True):
                writer.add([measures.measure(one.id, one.text, one.language) | one.lines | scored])
                cuts.add(one.cuts())
                extra.update(one.counts())
                progress.add()
        writer.extra.update(extra)
    return [writer.finish(), cuts.finish(), *scores.finish()]


#: What the manifest counts of lines that repeat across a host.
_COUNTED = ("host_lines_cut", "host_lines_pages", "host_lines_left")


@dataclass(frozen=True)
class _WrittenText:
    """A document as it goes into the corpus: its text without the lines that were cut out."""

    id: str
    text: str
    language: str
    lines: dict[str, Any]  # columns of LINES
    repeated: Repeated
    left: bool  # as it is, though lines repeat

    def cuts(self) -> list[dict[str, Any]]:
        spans = () if self.left else self.repeated.spans
        return [{"id": self.id, "start": start, "stop": stop} for start, stop in spans]

    def counts(self) -> dict[str, int]:
        cut = 0 if self.left else self.repeated.lines
        return dict(zip(_COUNTED, (cut, int(cut > 0), int(self.left)), strict=True))


def _texts(unit: MeasureUnit) -> Iterator[_WrittenText]:
    host_lines = read_host_lines(unit.host_lines, unit.documents)
    for row in read_rows(unit.documents, ["id", "url", "text", "language"]):
        lines = host_lines.get(host_of(row["url"]), NO_LINES)
        repeated, text = find_repeated(row["text"], lines), row["text"]
        left = repeated.share > unit.settings.host_lines.most
        columns: dict[str, Any] = {"lines_share": repeated.share, "lines_cut": 0}
        if repeated.lines and not left:
            text = without(text, repeated.spans)
            columns |= {"lines_cut": repeated.lines} | measure_left(text)
        language = columns.get("lines_language") or row["language"]
        yield _WrittenText(row["id"], text, language, columns, repeated, left)


def measure_left(text: str) -> dict[str, Any]:
    """Length and language of what is left of a text, in the columns of `LINES`."""
    language, score = identify(text)
    return {
        "lines_words": count_words(text),
        "lines_language": language,
        "lines_language_score": score,
    }
