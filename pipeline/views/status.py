"""`webtext status`: what is built, unfinished or stale, and the counts of each stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rich.console import Console
from rich.table import Table

from pipeline.engine.show_progress import describe
from pipeline.store import files
from pipeline.store.corpus import STAGES, Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import Manifest, read_manifest
from pipeline.store.progress import Snapshot, Total, read_progress


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


def _row(stage: str, interval: str, manifest: Manifest, stale: list[str]) -> tuple[str, ...]:
    counts = manifest.counts
    drops = sorted(counts.dropped.items(), key=lambda item: (-item[1], item[0]))
    return (
        stage,
        interval,
        f"stale: other {', '.join(stale)}" if stale else "built",
        f"{counts.seen:,}",
        f"{counts.kept:,}",
        ", ".join(f"{n:,} {reason}" for reason, n in drops[:4]),
        f"{sum(entry.bytes for entry in manifest.files) / 1e6:,.1f} MB",
        manifest.fingerprint[:12],
    )


def show_status(corpus: Corpus) -> None:
    """Prints one line a stage and interval; WebtextError where there is no corpus."""
    folders = stage_folders(corpus)
    if not folders:
        raise WebtextError(f"{corpus.root} holds no corpus", "Run `webtext build RECIPE` first")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("stage", "interval", "state", "in", "kept", "dropped", "size", "fingerprint"):
        table.add_column(name, justify="right" if name in ("in", "kept", "size") else "left")
    manifests = {
        (stage, interval): manifest
        for stage, interval, folder in folders
        if (manifest := read_manifest(folder)) is not None
    }
    stale = list(stale_inputs(manifests))
    for stage, interval, folder in folders:
        if (stage, interval) in manifests:
            changed = [name for *of, name in stale if of == [stage, interval]]
            table.add_row(*_row(stage, interval, manifests[stage, interval], changed))
            continue
        snapshot = read_progress(folder)
        outcomes = ", ".join(f"{n:,} {name}" for name, n in snapshot.outcomes.most_common(4))
        table.add_row(stage, interval, "unfinished", f"{snapshot.done:,}", "", outcomes, "", "")
    console = Console(width=None if Console().is_terminal else 160)
    console.print(table)
    for line in crawls(corpus, folders):
        console.print(line, soft_wrap=True, highlight=False)


def crawls(corpus: Corpus, folders: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """A line on each crawl that runs at this moment."""
    for stage, interval, folder in folders:
        snapshot = read_progress(folder) if stage == "pages" else Snapshot()
        if snapshot.pace is not None:
            links = corpus.require("links", interval).counts.kept
            progress = describe(snapshot, Total(links, "links"), 0.0, "")
            yield f"{stage} {interval} at work: {progress}"
