"""The recipe of a corpus: one settings class a section, each defined beside the code it steers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from pipeline.dedup.settings import DedupSettings
from pipeline.documents.settings import DocumentsSettings
from pipeline.engine.runners.profiles import RunnerSettings
from pipeline.engine.stage import Job
from pipeline.links.settings import LinksSettings
from pipeline.pages.page_source import PAGE_SOURCES
from pipeline.pages.settings import PagesSettings
from pipeline.quality.fit import check_fit
from pipeline.quality.settings import QualitySettings
from pipeline.sample import FOLDER
from pipeline.store.corpus import Corpus, check_interval, check_root
from pipeline.store.errors import SettingError
from pipeline.store.lease import SECONDS
from pipeline.store.settings import Settings, load_recipe
from pipeline.tokens.settings import TokensSettings

RECIPES = Path(__file__).parent.parent / "recipes"

#: In the paths of sources and archives: the interval that is built, and the folder of the sample
#: that comes with the project.
INTERVAL, SAMPLE = "{interval}", "{sample}"


class CorpusSettings(Settings):
    """Where the corpus is, and which interval of it is built."""

    root: str
    """The corpus: a folder, or an fsspec address such as `s3://bucket/corpus`."""
    interval: str = "all"
    """What is built by this run, such as `2024-01`; names sort in order of time."""

    lease_seconds: float = Field(SECONDS, ge=1)
    """On an object store: after so many seconds of silence a build counts as gone."""

    decides: ClassVar[bool] = False

    @field_validator("root")
    @classmethod
    def _can_be_written(cls, root: str) -> str:
        if root.lower().startswith(("http://", "https://")):
            raise SettingError(
                f"corpus.root = {root!r}: nothing can be written to a web server",
                "Name a folder, or an object store (s3://, gs://)",
            )
        return check_root(root)

    _plain_name = field_validator("interval")(check_interval)


class Recipe(Settings):
    """All a build needs to know."""

    corpus: CorpusSettings
    links: LinksSettings
    pages: PagesSettings
    documents: DocumentsSettings = DocumentsSettings()
    dedup: DedupSettings = DedupSettings()
    quality: QualitySettings = Field(default_factory=QualitySettings)
    tokens: TokensSettings = Field(default_factory=TokensSettings)
    runner: RunnerSettings = Field(default_factory=RunnerSettings)

    def job(self, retry: Iterable[str] = ()) -> Job:
        """What each stage of the build is told.  Content types that documents reads are fetched.

        `retry` names outcomes of links that are asked for again.
        """
        kinds = {*self.pages.content_types, *self.documents.content_types}
        pages = self.pages.model_copy(update={"content_types": tuple(sorted(kinds))})
        stages = (self.links, pages, self.documents, self.dedup, self.quality, self.tokens)
        return Job(
            Corpus(self.corpus.root),
            self.corpus.interval,
            stages,
            workers=self.runner.parallel(),
            retry=tuple(retry),
        )

    @model_validator(mode="after")
    def _rules_fit_languages(self) -> Self:
        check_fit(self.quality, self.documents.languages)
        return self

    @model_validator(mode="before")
    @classmethod
    def _links_of_pages(cls, values: Any) -> Any:
        """Where a source of pages brings its links, `[links]` need not name it again."""
        if not isinstance(values, dict) or not isinstance(values.get("pages"), dict):
            return values
        pages, links = values["pages"], values.get("links", {})
        name = pages.get("source")
        kind = PAGE_SOURCES.get(name).link_kind if name in PAGE_SOURCES.names() else ""
        if not kind or not isinstance(links, dict) or "sources" in links:
            return values
        source = {**pages.get(name, {}), "kind": kind}
        return values | {"links": {"blocklists": [], **links, "sources": [source]}}

    @model_validator(mode="before")
    @classmethod
    def _name_interval(cls, values: Any) -> Any:
        """One recipe serves all months: `posts = "RS_{interval}.zst"`."""
        if not isinstance(values, dict) or not isinstance(values.get("corpus"), dict):
            return values
        interval = values["corpus"].get("interval", "all")
        inputs = ("links", "pages")
        return values | {n: _fill(values[n], str(interval)) for n in inputs if n in values}


def read_recipe(recipe: str, overrides: Iterable[str] = ()) -> Recipe:
    """Reads a recipe by path or bundled name, with `section.key=value` overrides."""
    return load_recipe(Recipe, recipe, overrides, RECIPES)


def _fill(value: Any, interval: str) -> Any:
    """`value` with the interval, and the sample's folder, in all its texts."""
    if isinstance(value, dict):
        return {name: _fill(inner, interval) for name, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, interval) for inner in value]
    if not isinstance(value, str):
        return value
    return value.replace(INTERVAL, interval).replace(SAMPLE, str(FOLDER))
