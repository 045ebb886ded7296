"""Texts that a user has already (`source = "texts"`), kept in archives like pages."""

from __future__ import annotations

from functools import partial

from pipeline.engine.steps import Step, all_of
from pipeline.pages.page_source import PageSource, PagesRun
from pipeline.store.own_texts import TextBundle, TextFiles, find_bundles
from pipeline.store.parts import work_key


class OwnTexts(PageSource):
    """Each file is archived once, then links are looked up part by part."""

    version = "2"
    settings = TextFiles
    link_kind = "texts"

    def inputs(self) -> dict[str, str]:
        """Tables, and the other files by the thousand."""
        return {bundle.name: bundle.fingerprint() for bundle in self._bundles()}

    def steps(self, run: PagesRun) -> list[Step]:
        """A unit for each bundle of texts; then one for each part of the links stage."""
        from pipeline.pages.archive_lookup import look_up_part
        from pipeline.pages.text_archives import TextsUnit, archive_texts, plan_own_look_ups

        texts = self._texts()
        units = [
            TextsUnit(bundle, number, run.folder, work_key(run.key, bundle.name), self.pages, texts)
            for number, bundle in enumerate(self._bundles())
        ]
        return [
            Step("Archive", partial(all_of, units), archive_texts),
            Step("Look up", partial(plan_own_look_ups, run, self.pages), look_up_part),
        ]

    def _texts(self) -> TextFiles:
        assert isinstance(self.own, TextFiles)
        return self.own

    def _bundles(self) -> list[TextBundle]:
        return find_bundles(self._texts(), "pages.texts.path")
