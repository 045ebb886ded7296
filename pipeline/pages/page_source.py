"""Sources of pages: what the stage asks of one; their registry is `webtext.page_sources`.

`pages.source` names the class.  Those of this project have their settings beside those of the
crawl, in `[pages]`; those of other distributions in a section of their own, `[pages.NAME]`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pipeline.store import files
from pipeline.store.blocklist import AddressRules
from pipeline.store.manifest import WORK
from pipeline.store.parts import Part
from pipeline.store.registry import Registry
from pipeline.store.settings import Settings

if TYPE_CHECKING:
    from pipeline.engine.steps import Step
    from pipeline.pages.refetch import Rerun
    from pipeline.pages.settings import PagesSettings

#: What the fetch tables are called where a fallback writes the last ones: they are scratch then.
FIRST = f"{WORK}/first"


@dataclass(frozen=True)
class PagesRun:
    """One run of the pages stage, as its source is told of it."""

    #: The stage's folder, and the key of what is made in this run.
    folder: str
    key: str
    #: The parts of the links stage, in order of id, and how many links they hold.
    links: tuple[str, ...]
    link_count: int
    #: Fetch tables of earlier intervals: what they have is not fetched again.
    earlier: tuple[str, ...]
    #: The rules of the links stage for addresses; they hold for what links redirect to.
    rules: AddressRules
    #: What of the build before is fetched again.
    rerun: Rerun
    #: First part of the names of the fetch tables: scratch where a fallback writes the last ones.
    table: str = "fetches"
    #: When the stage's time is up, in seconds since 1970.
    until: float = float("inf")
    #: How many processes carry the work.
    workers: int = 1


class PageSource(ABC):
    """Where pages come from: how every link ends with one outcome, and which pages are archived."""

    #: Its settings, the section `[pages.NAME]`; here none.
    settings: ClassVar[type[Settings]] = Settings
    #: Raised by hand when the class gives other pages for the same links.
    version: ClassVar[str] = "1"
    #: Whether it asks the hosts themselves, which `webtext plan` reckons with.
    crawls: ClassVar[bool] = False
    #: The kind of link source that reads the same input: where it is named, `links.sources` follow
    #: from the section of this source, and the links' blocklists are empty by default.
    link_kind: ClassVar[str] = ""

    def __init__(self, pages: PagesSettings, own: Settings) -> None:
        """`pages` is the section `[pages]`, `own` the section of this source in it."""
        self.pages, self.own = pages, own

    def check(self) -> None:  # noqa: B027  # many have nothing to check
        """Raises ValueError for settings that do not fit, when a recipe is read."""

    def files(self) -> list[str]:
        """The files that pages are taken from, in order: their content decides as well.

        Raises SettingError where one is missing.
        """
        return []

    def inputs(self) -> dict[str, str]:
        """The fingerprint of each thing that pages are taken from, by its name."""
        found: dict[str, str] = {}
        for path in self.files():
            name = files.name_of(path)
            found[path if name in found else name] = files.content_fingerprint(path)
        return found

    @abstractmethod
    def steps(self, run: PagesRun) -> list[Step]:
        """What is done, one step after the other.

        The last step makes fetch tables, `RUN.table-*.parquet` with a row for each link
        (`pipeline.pages.table`), and the archives with the pages.
        """

    def groups(self, run: PagesRun) -> int:
        """How many groups of links can be ended by themselves (`webtext crawl --group`)."""
        return 0

    def end_group(self, run: PagesRun, number: int) -> Sequence[Part]:
        """Ends the links of one group in this process; `steps` then takes it as it is."""
        raise NotImplementedError


PAGE_SOURCES = Registry("webtext.page_sources", PageSource, "page source")  # type: ignore[type-abstract]
