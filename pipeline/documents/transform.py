"""The Beam transform of the documents stage: pieces of fetch tables, extracted one by one."""

from __future__ import annotations

import apache_beam as beam

from pipeline.documents.settings import DocumentsSettings
from pipeline.documents.unit import Unit, make
from pipeline.engine.sink import MakeParts, Units, WriteManifest
from pipeline.store import files
from pipeline.store.manifest import Manifest
from pipeline.store.parquet import read_footer
from pipeline.store.parts import unit_key


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
