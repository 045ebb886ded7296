"""Pages from Common Crawl (`source = "commoncrawl"`): of each link the record that is nearest."""

from __future__ import annotations

from functools import partial

from pipeline.engine.steps import Step, all_of
from pipeline.pages.page_source import PageSource, PagesRun
from pipeline.store import files
from pipeline.store.parts import work_key


class CommonCrawl(PageSource):
    """Its index is matched file by file; then one unit reads, since there is one connection."""

    def check(self) -> None:
        """Files of the index must be named, and a contact."""
        if not self.pages.commoncrawl:
            raise ValueError(
                "pages.commoncrawl is empty; name the files of the index, such as "
                '["cc-index/crawl=CC-MAIN-2024-10/subset=warc/*.parquet"]'
            )
        self.pages.need_contact()

    def files(self) -> list[str]:
        """The files of the index."""
        return files.all_matching(self.pages.commoncrawl, "pages.commoncrawl")

    def steps(self, run: PagesRun) -> list[Step]:
        """The files of the index side by side, then the reader."""
        from pipeline.pages.capture_reader import Reading, plan_reading, read_captures
        from pipeline.pages.ccindex import IndexFile, match_index

        indexes = [
            IndexFile(path, number, run.folder, work_key(run.key, path), run.links)
            for number, path in enumerate(self.files())
        ]
        reading = Reading(
            run.folder,
            run.key,
            run.links,
            (),
            self.pages,
            run.earlier,
            run.until,
            run.table,
            run.rerun,
        )
        return [
            Step("Match", partial(all_of, indexes), match_index),
            Step("Read", partial(plan_reading, reading), read_captures),
        ]
