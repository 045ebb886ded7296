"""Pages from archives (`source = "warc"`): nothing is copied, the fetch table points into them."""

from __future__ import annotations

from functools import partial

from pipeline.engine.steps import Step, all_of
from pipeline.pages.page_source import PageSource, PagesRun
from pipeline.store import files
from pipeline.store.parts import work_key


class Archives(PageSource):
    """Web archives: each is indexed once, then links are looked up part by part."""

    def check(self) -> None:
        """Archives must be named."""
        if not self.pages.warc:
            raise ValueError('pages.warc is empty; name the archives, such as ["*.warc.gz"]')

    def files(self) -> list[str]:
        """The archives."""
        return files.all_matching(self.pages.warc, "pages.warc")

    def steps(self, run: PagesRun) -> list[Step]:
        """A unit for each archive; then one for each part of the links stage."""
        from pipeline.pages.archive_lookup import (
            Archive,
            index_archive,
            look_up_part,
            plan_look_ups,
        )

        archives = [
            Archive(path, number, run.folder, work_key(run.key, path), self.pages)
            for number, path in enumerate(self.files())
        ]
        return [
            Step("Index", partial(all_of, archives), index_archive),
            Step("Look up", partial(plan_look_ups, run, self.pages), look_up_part),
        ]
