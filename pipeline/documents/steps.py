"""The steps of the documents stage: pieces of fetch tables, extracted one by one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from pipeline.documents.settings import DocumentsSettings
from pipeline.documents.sort import FetchTable, count_pieces, sort
from pipeline.documents.unit import Unit, make
from pipeline.engine.stage_steps import Ending, StageSteps
from pipeline.engine.steps import Step, all_of
from pipeline.store import files
from pipeline.store.manifest import Manifest
from pipeline.store.parquet import rows_of
from pipeline.store.parts import is_result, unit_key, work_key


@dataclass(frozen=True)
class Extraction:
    """From the fetch tables of a pages folder to documents.

    `pages` is the folder of a finished pages stage, `fetches` its fetch tables;
    `draft` is the manifest to complete.
    """

    pages: str
    fetches: list[str]
    folder: str
    settings: DocumentsSettings
    draft: Manifest

    def plan(self) -> StageSteps:
        """Units are planned from the sizes of the fetch tables alone."""
        tables = self._tables()
        steps = (
            Step("Sort", partial(all_of, tables), sort),
            Step("Extract", partial(all_of, self._units(tables)), make),
        )
        return StageSteps(steps, Ending(self.folder, self.draft, partial(filter, is_result)))

    def _tables(self) -> list[FetchTable]:
        """One unit a fetch table."""
        pieces = count_pieces(list(map(rows_of, self.fetches)), self.settings.pages_per_unit)
        of = len(self.fetches)
        return [
            FetchTable(path, number, of, count, self.folder, self._key(path, count))
            for number, (path, count) in enumerate(zip(self.fetches, pieces, strict=True))
        ]

    def _units(self, tables: list[FetchTable]) -> list[Unit]:
        """The units of extraction, each a piece of a fetch table."""
        pieces = [(table, piece) for table in tables for piece in range(table.pieces)]
        return [
            Unit(
                fetched=table.name,
                pages_folder=self.pages,
                piece=piece,
                folder=self.folder,
                number=number,
                of=len(pieces),
                work_key=work_key(table.work_key, piece),
                settings=self.settings,
            )
            for number, (table, piece) in enumerate(pieces)
        ]

    def _key(self, path: str, pieces: int) -> str:
        return unit_key(self.draft, files.name_of(path), "pieces by bytes", pieces)
