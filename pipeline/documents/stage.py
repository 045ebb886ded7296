"""The documents stage: from archived pages to text, with one outcome for each page."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from typing import ClassVar

import apache_beam as beam
from lxml import etree

from pipeline.documents.blocks.model import read_model
from pipeline.documents.removal import remove_pages
from pipeline.documents.settings import DocumentsSettings
from pipeline.documents.unit import Unit, make
from pipeline.engine.sink import MakeParts, Units, WriteManifest
from pipeline.engine.stage import Job, Stage, Total
from pipeline.store import files
from pipeline.store.manifest import Manifest
from pipeline.store.parquet import read_footer
from pipeline.store.parts import unit_key
from pipeline.store.stage_edit import Removal, StageEdit

#: Libraries whose versions decide the text; another version, another text.
_LIBRARIES = ("trafilatura", "lxml", "selectolax", "resiliparse", "py3langid")


def code_version() -> str:
    """The stage's own version and those of the libraries that decide its result."""
    libraries = [f"{name}-{version(name)}" for name in _LIBRARIES]
    libraries.append(f"libxml2-{'.'.join(map(str, etree.LIBXML_VERSION))}")
    if find_spec("pypdfium2"):
        libraries.append(f"pypdfium2-{version('pypdfium2')}")
    return " ".join(["6", *libraries])


class Documents(beam.PTransform):
    """From the fetch tables of a pages folder to documents: root in, one Manifest out.

    `pages` is the folder of a finished pages stage, `fetches` its fetch tables;
    `draft` is the manifest to complete.
    """

    def __init__(
        self,
        pages: str,
        fetches: list[str],
        folder: str,
        settings: DocumentsSettings,
        draft: Manifest,
    ) -> None:
        super().__init__()
        self._pages, self._fetches, self._folder = pages, fetches, folder
        self._settings, self._draft = settings, draft

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        """Units are planned from the sizes of the fetch tables alone."""
        return (
            root
            | "Units" >> Units(self.units())
            | "Extract" >> MakeParts(make)
            | "Manifest" >> WriteManifest(self._folder, self._draft)
        )

    def units(self) -> list[Unit]:
        """The units of work: each fetch table in pieces of some `pages_per_unit` rows."""
        pieces = [
            (path, piece, count)
            for path in self._fetches
            for count in [_pieces(path, self._settings.pages_per_unit)]
            for piece in range(count)
        ]
        draft = self._draft
        return [
            Unit(
                fetches=path,
                pages_folder=self._pages,
                piece=piece,
                pieces=count,
                folder=self._folder,
                number=number,
                of=len(pieces),
                work_key=unit_key(draft, files.name_of(path), piece, count),
                settings=self._settings,
            )
            for number, (path, piece, count) in enumerate(pieces)
        ]


def _pieces(path: str, rows_each: int) -> int:
    rows: int = read_footer(path).num_rows
    return max(1, -(-rows // rows_each))


class DocumentsStage(Stage):
    """Extraction, in the order of stages."""

    name: ClassVar[str] = "documents"
    version: ClassVar[str] = code_version()
    unit_seconds = 0.02

    def settings(self, job: Job) -> DocumentsSettings:
        """The `[documents]` section."""
        return job.section(DocumentsSettings)

    def inputs(self, job: Job) -> dict[str, str]:
        """The pages of the interval, and a model of the user's own."""
        inputs = {"pages": job.corpus.require("pages", job.interval).fingerprint}
        if model := self.settings(job).model:
            read_model(model)  # a file that is none is refused before any page is read
            inputs["model"] = files.content_fingerprint(model)
        return inputs

    def total(self, job: Job) -> Total:
        """Fetched pages."""
        return Total(job.corpus.require("pages", job.interval).counts.kept, "pages")

    def remove_pages(self, edit: StageEdit) -> Removal:
        """Documents, and pages that gave none."""
        return remove_pages(edit)

    def transform(self, job: Job) -> Documents:
        """The work, from the tables that the pages stage has left."""
        return Documents(
            job.corpus.folder("pages", job.interval),
            job.corpus.paths("pages", job.interval, "fetches-"),
            self.folder(job),
            self.settings(job),
            self.draft(job),
        )
