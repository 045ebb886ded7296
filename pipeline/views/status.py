"""`webtext status`: what is built, unfinished or stale, and the counts of each stage."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.build.build import warning_lines
from pipeline.engine.show_progress import describe
from pipeline.links.audit import SOURCES, source_lines
from pipeline.pages.refetch import Patience
from pipeline.pages.waiting import Waiting, waiting_links
from pipeline.store import files
from pipeline.store.corpus import STAGES, Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import Audit, Manifest, add_audits, read_manifest
from pipeline.store.progress import Snapshot, Total, read_progress
from pipeline.store.warc import warc_date

_COLUMNS = ("stage", "interval", "state", "in", "kept", "dropped", "size", "fingerprint")
_TABLE = 100  # characters that a table of them needs
_FILE = 160  # characters of a line where there is no terminal


def stage_folders(corpus: Corpus) -> list[tuple[str, str, str]]:
    """(stage, interval, folder) of all that is there, in the order of stages and intervals.

    A tokens folder is named with its tokenizer (`tokens/gpt2`).
    """
    folders = []
    for stage in STAGES:
        depth = ("*", "*") if stage == "tokens" else ("*",)
        for path in files.listed(corpus.root, stage, *depth):
            name, interval = path.rsplit("/", 2)[1:]
            if files.listed(path, "*"):
                folders.append((f"tokens/{name}" if stage == "tokens" else stage, interval, path))
    return folders


def stale_inputs(
    manifests: Mapping[tuple[str, str], Manifest],
) -> Iterator[tuple[str, str, str]]:
    """(stage, interval, input) of each stage that was made from another input than is there now.

    `manifests` are those of the finished stages, by stage and interval.
    """
    for (stage, interval), manifest in manifests.items():
        for name, fingerprint in manifest.inputs.items():
            source, _, other = name.partition("/")
            if source not in STAGES:
                continue
            current = manifests.get((source, other or interval))
            if current is not None and current.fingerprint != fingerprint:
                yield stage, interval, name


@dataclass(frozen=True)
class StageStatus:
    """What is there of a stage of an interval; `manifest` is None while it is unfinished."""

    stage: str
    interval: str
    folder: str
    manifest: Manifest | None
    progress: Snapshot
    #: Inputs that are not those any more that it was made from.
    stale: tuple[str, ...] = ()
    #: Of the pages stage, the links that wait to be asked for again.
    waiting: Waiting = field(default_factory=Waiting)

    @property
    def state(self) -> str:
        """`built`, `stale` or `unfinished`."""
        if self.manifest is None:
            return "unfinished"
        return "stale" if self.stale else "built"

    @property
    def bytes(self) -> int:
        """The size of its files, of a finished stage."""
        return self.manifest.size() if self.manifest else 0

    def as_plain(self) -> dict[str, Any]:
        """For programs."""
        base = {"stage": self.stage, "interval": self.interval, "state": self.state}
        if self.manifest is None:
            return base | {"done": self.progress.done, "outcomes": dict(self.progress.outcomes)}
        return {
            **base,
            "stale_inputs": list(self.stale),
            **self.manifest.counts.model_dump(by_alias=True),
            "bytes": self.bytes,
            "fingerprint": self.manifest.fingerprint,
            "warnings": self.manifest.warnings,
            "audit": self.manifest.audit,
            "waiting": self.waiting.links,
            "due": self.waiting.due,
            "next_due": warc_date(self.waiting.next_at) if self.waiting.links else None,
        }

    def cells(self) -> tuple[str, ...]:
        """For people: a row of the table."""
        if self.manifest is None:
            done, outcomes = self.progress.done, self.progress.outcomes.most_common(4)
            return (
                self.stage,
                self.interval,
                self.state,
                f"{done:,}",
                "",
                _listed(outcomes),
                "",
                "",
            )
        counts = self.manifest.counts
        drops = sorted(counts.dropped.items(), key=lambda item: (-item[1], item[0]))
        return (
            self.stage,
            self.interval,
            f"stale: other {', '.join(self.stale)}" if self.stale else self.state,
            f"{counts.seen:,}",
            f"{counts.kept:,}",
            _listed(drops[:4]),
            f"{self.bytes / 1e6:,.1f} MB",
            self.manifest.fingerprint[:12],
        )


def _listed(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in counts)


def corpus_status(corpus: Corpus) -> list[StageStatus]:
    """All stages and intervals that are there; WebtextError where there is no corpus."""
    folders = stage_folders(corpus)
    if not folders:
        raise WebtextError(f"{corpus.root} holds no corpus", "Run `webtext build RECIPE` first")
    manifests = {
        (stage, interval): manifest
        for stage, interval, folder in folders
        if (manifest := read_manifest(folder)) is not None
    }
    stale = list(stale_inputs(manifests))
    return [
        StageStatus(
            stage,
            interval,
            folder,
            manifests.get((stage, interval)),
            read_progress(folder),
            tuple(name for *of, name in stale if of == [stage, interval]),
            _waiting(corpus, interval, manifests.get((stage, interval))),
        )
        for stage, interval, folder in folders
    ]


def _waiting(corpus: Corpus, interval: str, manifest: Manifest | None) -> Waiting:
    """The links of an interval that wait, at this moment."""
    if manifest is None or manifest.stage != "pages":
        return Waiting()
    return waiting_links(corpus, interval, manifest, Patience.told_by(manifest, time.time()))


def print_status(corpus: Corpus, stages: Iterable[StageStatus]) -> None:
    """Prints each stage and interval, and a line on each crawl that runs at this moment.

    A terminal that has no room for a table gets a paragraph for each.
    """
    listed = list(stages)
    measured = Console(markup=False, highlight=False)
    told = measured.is_terminal or "COLUMNS" in os.environ
    console = measured if told else Console(width=_FILE, markup=False, highlight=False)
    narrow = console.width < _TABLE
    for shown in map(_paragraph, listed) if narrow else [_table(listed)]:
        console.print(shown)
    for line in (*audit_lines(listed), *waiting_lines(listed), *crawls(corpus, listed)):
        console.print(line, soft_wrap=not narrow)


def _table(stages: Iterable[StageStatus]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in _COLUMNS:
        table.add_column(name, justify="right" if name in ("in", "kept", "size") else "left")
    for stage in stages:
        table.add_row(*stage.cells())
    return table


def _paragraph(stage: StageStatus) -> Text:
    """The cells of a stage, each with its name."""
    named = dict(zip(_COLUMNS, stage.cells(), strict=True))
    head = Text(f"{named.pop('stage')} {named.pop('interval')}", "bold")
    rest = ", ".join(f"{name} {value}" for name, value in named.items() if value)
    return head.append(f": {rest}", "not bold")


def audit_lines(stages: Iterable[StageStatus]) -> Iterator[str]:
    """What the sources of all intervals held, and the warnings of all stages, a line each."""
    built = [(one.stage, one.manifest) for one in stages if one.manifest is not None]
    sources: Audit = {}
    for _, manifest in built:
        sources = add_audits(sources, {SOURCES: manifest.audit.get(SOURCES, {})})
    yield from source_lines(sources)
    for stage, manifest in built:
        yield from warning_lines(stage, manifest)


def waiting_lines(stages: Iterable[StageStatus]) -> Iterator[str]:
    """A line on each interval of which links wait to be asked for again."""
    for one in stages:
        waiting = one.waiting
        if waiting.links:
            yield (
                f"{one.stage} {one.interval}: {waiting.links:,} links ended by a passing fault and "
                f"wait, {waiting.due:,} of them due, the first at {warc_date(waiting.next_at)}: "
                "later builds ask for them again; --retry dns,timeout asks at once"
            )


def crawls(corpus: Corpus, stages: Iterable[StageStatus]) -> Iterator[str]:
    """A line on each crawl that runs at this moment."""
    for one in stages:
        if one.stage == "pages" and one.progress.pace is not None:
            links = corpus.require("links", one.interval).counts.kept
            progress = describe(one.progress, Total(links, "links"), 0.0, "")
            yield f"{one.stage} {one.interval} at work: {progress}"
