"""The documents stage: from archived pages to text, with one outcome for each page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

from lxml import etree

from pipeline.documents.settings import DocumentsSettings
from pipeline.engine.stage import Effort, Job, Stage, Total
from pipeline.store import files

if TYPE_CHECKING:
    from pipeline.engine.stage_steps import StageSteps
    from pipeline.store.stage_edit import Removal, StageEdit

#: Libraries whose versions decide the text; another version, another text.
_LIBRARIES = ("trafilatura", "lxml", "selectolax", "resiliparse", "py3langid")


def code_version() -> str:
    """The stage's own version and those of the libraries that decide its result."""
    libraries = [f"{name}-{version(name)}" for name in _LIBRARIES]
    libraries.append(f"libxml2-{'.'.join(map(str, etree.LIBXML_VERSION))}")
    if find_spec("pypdfium2"):
        libraries.append(f"pypdfium2-{version('pypdfium2')}")
    return " ".join(["11", *libraries])


class DocumentsStage(Stage):
    """Extraction, in the order of stages."""

    name: ClassVar[str] = "documents"
    version: ClassVar[str] = code_version()
    byte_seconds = 5e-7  # of a page, unpacked
    page_seconds = 0.017
    steps = 2

    def settings(self, job: Job) -> DocumentsSettings:
        """The `[documents]` section."""
        return job.section(DocumentsSettings)

    def inputs(self, job: Job) -> dict[str, str]:
        """The pages of the interval, and a model of the user's own."""
        inputs = {"pages": job.corpus.require("pages", job.interval).fingerprint}
        if model := self.settings(job).model:
            from pipeline.documents.blocks.model import read_model

            read_model(model)  # a file that is none is refused before any page is read
            inputs["model"] = files.content_fingerprint(model)
        return inputs

    def effort(self, job: Job) -> Effort:
        """By the bytes of the pages."""
        import pyarrow.compute as pc

        from pipeline.documents.sort import count_pieces
        from pipeline.store.parquet import read_table

        tables = [
            read_table(path, ["bytes"])["bytes"]
            for path in job.corpus.paths("pages", job.interval, "fetches-")
        ]
        each = self.settings(job).pages_per_unit
        size = sum(pc.sum(table, min_count=0).as_py() for table in tables)
        units = sum(count_pieces([len(table) for table in tables], each))
        return Effort(size * self.byte_seconds, units, self.steps)

    def total(self, job: Job) -> Total:
        """Fetched pages."""
        return Total(job.corpus.require("pages", job.interval).counts.kept, "pages")

    def warm_up(self, job: Job) -> Callable[[], object]:
        """Starts the child process that reads pages."""
        from pipeline.documents.child import warm_up

        return partial(warm_up, self.settings(job))

    def remove_pages(self, edit: StageEdit) -> Removal:
        """Documents, and pages that gave none."""
        from pipeline.documents.removal import remove_pages

        return remove_pages(edit)

    def plan(self, job: Job) -> StageSteps:
        """The work, from the tables that the pages stage has left."""
        from pipeline.documents.steps import Extraction

        return Extraction(
            job.corpus.folder("pages", job.interval),
            job.corpus.paths("pages", job.interval, "fetches-"),
            self.folder(job),
            self.settings(job),
            self.draft(job),
        ).plan()
