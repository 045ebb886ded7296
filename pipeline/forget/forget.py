"""`webtext forget`: takes pages out of a corpus, keeps them out, says which runs saw them.

The order makes it safe against being stopped anywhere: the list is kept first, so that no
build takes the pages again; then the work is noted with all that must be known beforehand;
then stage after stage is changed (`pipeline/store/stage_edit.py`); last come the release, the
report and the card.  The same command goes on where it stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pipeline.forget.stages import edit_stage, stage_names
from pipeline.store import files
from pipeline.store.addresses import canonical_key, page_id
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError
from pipeline.store.forgotten import (
    FORGOTTEN,
    Pending,
    add_entries,
    end_pending,
    forgotten,
    read_pending,
    write_pending,
)
from pipeline.store.lock import locked
from pipeline.store.manifest import MANIFEST
from pipeline.store.parquet import read_rows
from pipeline.store.registry import entries_of
from pipeline.store.release import add_to, read_release, write_release
from pipeline.store.takedown import NOTHING, Takedown, parse_takedown
from pipeline.store.textfiles import read_text
from pipeline.views.card import write_card
from pipeline.views.report import REPORT, write_report
from pipeline.views.verify import finished_stages


@dataclass
class Forgotten:
    """What was done: pages, rows of each stage, other people's archives, training runs."""

    pages: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    archives: list[str] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    #: Of intervals, how many pages lack passages that a forgotten page kept for them.
    without: dict[str, int] = field(default_factory=dict)


def forget(corpus: Corpus, path: str | None, runs: str | None = None) -> Forgotten:
    """Takes the pages of the list at `path` out; without one, those of the corpus's own list.

    Raises SettingError for a list that cannot be read, WebtextError while the corpus is
    unfinished or a build is at work.
    """
    corpus.check_there()  # before a lock makes a folder of a mistyped name
    text = read_text(path) if path else ""
    added = parse_takedown(text, path) if path else NOTHING
    done = Forgotten()
    with locked(corpus.root) as lease:
        pending = read_pending(corpus)
        if pending is not None:
            _finish(corpus, pending, done)
        elif not added and not forgotten(corpus):
            empty = f"{path} names no page" if path else f"{corpus.root} has no list of pages yet"
            raise SettingError(
                f"Nothing to forget: {empty}",
                "Give a file with addresses, hosts or ids, one a line",
            )
        finished_stages(corpus)  # refuses what is unfinished before anything changes
        if lease:
            lease.confirm()
        add_entries(corpus, text)
        ids, moved = find_pages(corpus, forgotten(corpus))
        add_entries(corpus, "\n".join(sorted(moved)))
        done.archives += outside_archives(corpus, ids)
        run_reports = runs_on_pages(runs, corpus.root, ids) if runs else []
        if ids:
            pending = Pending(sorted(ids), run_reports)
            write_pending(corpus, pending)
            _finish(corpus, pending, done)
        else:
            done.runs += run_reports
    return done


def find_pages(corpus: Corpus, takedown: Takedown) -> tuple[set[str], set[str]]:
    """The ids of pages in the corpus that a list names, and those that lead to one or repeat it.

    Such are a link that was redirected to a forgotten address, a page that names one as its own,
    and whatever was removed as a duplicate of one: the text would come back under its address.
    """
    ids: set[str] = set()
    for row in _rows(corpus, "links", "part-", ["id", "url", "mentions"]):
        if takedown.entry_for(row["id"], row["url"], (m["reddit_id"] for m in row["mentions"])):
            ids.add(row["id"])
    moved: set[str] = set()
    for row in _rows(corpus, "pages", "fetches-", ["id", "final_url"]):
        final = row["final_url"]
        if takedown.entry_for(page_id(canonical_key(final)), final, ()):
            moved.add(row["id"])
    for row in _rows(corpus, "documents", "part-", ["id", "url", "canonical"]):
        if takedown.entry_for(row["id"], row["url"], (), row["canonical"]):
            moved.add(row["id"])
    gone = ids | moved
    for row in _rows(corpus, "dedup", "part-", ["id", "kept_id"]):
        if row["kept_id"] in gone:
            moved.add(row["id"])
    moved -= ids
    return ids | moved, moved


def _rows(corpus: Corpus, stage: str, prefix: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    for interval in corpus.intervals(stage):
        for path in corpus.paths(stage, interval, prefix):
            yield from read_rows(path, columns)


def outside_archives(corpus: Corpus, ids: set[str]) -> list[str]:
    """Archives outside the corpus that hold such pages: they are not the corpus's to change."""
    columns = ["id", "warc_file"]
    return sorted(
        {
            row["warc_file"]
            for row in _rows(corpus, "pages", "fetches-", columns)
            if row["id"] in ids and "/" in row["warc_file"]
        }
    )


def runs_on_pages(folder: str, root: str, ids: set[str]) -> list[dict[str, Any]]:
    """What training runs below `folder` saw of the pages; the trainer says it."""
    readers = list(entries_of("webtext.runs"))
    if not readers:
        raise SettingError("--runs needs the trainer", "pip install 'webtext[train]'")
    return [report for entry in readers for report in entry.load()(folder, root, ids)]


def _finish(corpus: Corpus, pending: Pending, done: Forgotten) -> None:
    """Does what is left to do, and ends it."""
    gone = frozenset(pending.ids)
    for stage, name in stage_names(corpus):
        for interval in corpus.intervals(name):
            done.rows[name] += edit_stage(corpus, stage, name, interval, gone)
    release = read_release(corpus)
    published = list(release.intervals)
    changed = [name for name in published if add_to(release, corpus, name, replace=True)]
    if changed:
        write_release(corpus, release)
    done.published += changed
    done.without |= pages_without(corpus)
    if files.exists(files.join(corpus.root, REPORT)):
        write_report(corpus)
    write_card(corpus)
    end_pending(corpus)
    done.pages += len(gone)
    done.runs += pending.runs


def pages_without(corpus: Corpus) -> dict[str, int]:
    """Of intervals, how many pages lack passages that are in the corpus no more."""
    pages = {
        interval: {
            row["id"]
            for path in corpus.paths("dedup", interval, "passages-")
            for row in read_rows(path, ["id", "elsewhere"])
            if row["elsewhere"] == FORGOTTEN
        }
        for interval in corpus.intervals("dedup")
    }
    return {interval: len(found) for interval, found in pages.items() if found}


def describe(corpus: Corpus, done: Forgotten, say: Callable[[str], None]) -> None:
    """Says what was done, and what is left for others to do."""
    if not done.pages:
        say(f"No page of {corpus.root} is on the list; later builds leave them out.")
    else:
        rows = ", ".join(f"{n:,} of {stage}" for stage, n in done.rows.items())
        say(f"Forgot {done.pages:,} pages of {corpus.root}: {rows}.")
    for interval, pages in done.without.items():
        say(
            f"{pages:,} pages of {interval} stay without passages that forgotten pages had too: "
            f"to have them back, remove {corpus.folder('dedup', interval)}/{MANIFEST} and build."
        )
    for interval in done.published:
        say(f"RELEASE.json has {interval} with its new fingerprints: tell those who use it.")
    for archive in done.archives:
        say(f"{archive} is not the corpus's own and still holds such pages.")
    for run in done.runs:
        say(f"{run['run']}: {run['said']}")
