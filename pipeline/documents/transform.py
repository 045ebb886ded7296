"""The Beam transform of the documents stage: pieces of fetch tables, extracted one by one."""

from __future__ import annotations

from functools import partial

import apache_beam as beam

from pipeline.documents.settings import DocumentsSettings
from pipeline.documents.sort import FetchTable, count_pieces, sort
from pipeline.documents.unit import Unit, make
from pipeline.engine.sink import Steps, WriteManifest
from pipeline.engine.steps import Step, all_of
from pipeline.store import files
from pipeline.store.manifest import Manifest
from pipeline.store.parquet import rows_of
from pipeline.store.parts import is_result, unit_key, work_key


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
        steps = (
            Step("Sort", partial(all_of, self.sort_units()), sort),
            Step("Extract", partial(all_of, self.units()), make),
        )
        return (
            root
            | Steps(steps)
            | "Result" >> beam.Filter(is_result)
            | "Manifest" >> WriteManifest(self._folder, self._draft)
        )

    def sort_units(self) -> list[FetchTable]:
        """One unit a fetch table."""
        pieces = count_pieces(list(map(rows_of, self._fetches)), self._settings.pages_per_unit)
        of = len(self._fetches)
        return [
            FetchTable(path, number, of, count, self._folder, self._key(path, count))
            for number, (path, count) in enumerate(zip(self._fetches, pieces, strict=True))
        ]

    def units(self) -> list[Unit]:
        """The units of extraction, each a piece of a fetch table."""
        pieces = [(table, piece) for table in self.sort_units() for piece in range(table.pieces)]
        return [
            Unit(
                fetched=table.name,
                pages_folder=self._pages,
                piece=piece,
                folder=self._folder,
                number=number,
                of=len(pieces),
                work_key=work_key(table.work_key, piece),
                settings=self._settings,
            )
            for number, (table, piece) in enumerate(pieces)
        ]

    def _key(self, path: str, pieces: int) -> str:
        return unit_key(self._draft, files.name_of(path), "pieces by bytes", pieces)
