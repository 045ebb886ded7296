"""`webtext verify`: every file is there and unchanged, and the stages fit together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import pyarrow as pa

from pipeline.store import files
from pipeline.store.corpus import Corpus
from pipeline.store.errors import WebtextError
from pipeline.store.forgotten import refuse_pending
from pipeline.store.manifest import (
    MANIFEST,
    OLD_MANIFEST,
    PREVIOUS,
    PROGRESS,
    WORK,
    FileEntry,
    Manifest,
    add_fingerprints,
    read_manifest,
    table_fingerprint,
    table_of,
)
from pipeline.store.parquet import open_table
from pipeline.store.schemas import VOLATILE
from pipeline.views.kept import check_kept
from pipeline.views.leaks import check_leaks
from pipeline.views.passages import check_passages
from pipeline.views.status import stage_folders, stale_inputs

_TOKENIZER_REMEDY = (
    "Bring it back from a copy: shards that were made with another tokenizer say something else"
)
#: What a stage's folder holds beside the files of its manifest.
_OWN = frozenset({MANIFEST, OLD_MANIFEST, PREVIOUS, PROGRESS, WORK})
_REMEDY = "Remove the stage's _manifest.json and build again: what is damaged is made anew"
#: Bytes that are worth processes of their own: some four seconds of reading.
_WORTH = 100_000_000
_TOGETHER = 8  # files that a process is given at a time


@dataclass(frozen=True)
class Verified:
    """How much was verified."""

    stages: int
    files: int


@dataclass(frozen=True)
class RecordedFile:
    """A file with what its manifest says of it, and what to do where that does not hold."""

    path: str
    entry: FileEntry
    remedy: str


#: Checks files; raises WebtextError for the first that is not as recorded.
Check = Callable[[Iterable[RecordedFile]], None]


def verify_corpus(corpus: Corpus, only: str | None = None, workers: int = 0) -> Verified:
    """Checks all stages; raises WebtextError that names the first thing that is wrong.

    With `only` the files of that interval alone are read; that it fits to those before is
    checked by their manifests.  `workers` processes read large corpora; 0: one a core.
    """
    refuse_pending(corpus)
    manifests = finished_stages(corpus, only)
    chosen = {key: m for key, m in manifests.items() if only in (None, key[1])}
    size = sum(entry.bytes for manifest in chosen.values() for entry in manifest.entries())
    with _checking(workers or len(os.sched_getaffinity(0)), size) as check:
        for (stage, interval), manifest in chosen.items():
            verify_stage(corpus.folder(stage, interval), manifest, check=check)
    _verify_tokenizers(corpus, chosen)
    check_kept(corpus)
    check_passages(corpus)
    _verify_splits(corpus, manifests)
    return Verified(len(chosen), sum(manifest.file_count() for manifest in chosen.values()))


def finished_stages(corpus: Corpus, only: str | None = None) -> dict[tuple[str, str], Manifest]:
    """The manifests of all finished stages.

    Raises WebtextError where one is unfinished, or was made from other input than is there
    now; with `only` where one of that interval is.
    """
    manifests: dict[tuple[str, str], Manifest] = {}
    for stage, interval, folder in stage_folders(corpus):
        manifest = read_manifest(folder)
        if manifest is not None:
            manifests[stage, interval] = manifest
        elif only in (None, interval):
            raise WebtextError(
                f"Stage {stage} of {interval} is unfinished", "Run `webtext build` to finish it"
            )
    if not any(only in (None, interval) for _, interval in manifests):
        missing = "corpus" if only is None else f"interval {only}"
        raise WebtextError(f"{corpus.root} holds no {missing}", "Run `webtext build RECIPE` first")
    for stage, interval, name in stale_inputs(manifests):
        if only in (None, interval):
            raise WebtextError(
                f"Stage {stage} of {interval} was made from another {name} than is there now",
                "Run `webtext build` to bring it up to date",
            )
    return manifests


def _verify_tokenizers(corpus: Corpus, stages: dict[tuple[str, str], Manifest]) -> None:
    """Checks the tokenizer of each stage of shards, and that it is the one they were made with."""
    made_with = {
        (name.partition("/")[2], fingerprint, interval)
        for (_, interval), manifest in stages.items()
        for name, fingerprint in manifest.inputs.items()
        if name.startswith("tokenizers/")
    }
    for name in sorted({name for name, _, _ in made_with}):
        folder = corpus.tokenizer(name)
        manifest = read_manifest(folder)
        if manifest is None:
            raise WebtextError(f"Tokenizer {name} has no manifest in {folder}", _TOKENIZER_REMEDY)
        verify_stage(folder, manifest, _TOKENIZER_REMEDY)
        for of, fingerprint, interval in sorted(made_with):
            if of == name and fingerprint != manifest.fingerprint:
                raise WebtextError(
                    f"Stage tokens/{name} of {interval} was made with another tokenizer than is "
                    "there now",
                    _TOKENIZER_REMEDY,
                )


def _verify_splits(corpus: Corpus, manifests: dict[tuple[str, str], Manifest]) -> None:
    """No near-duplicate of a validation document is trained on; needs the texts to be there."""
    tokenized = {(stage, interval) for stage, interval in manifests if stage.startswith("tokens/")}
    for name in sorted({stage for stage, _ in tokenized}):
        intervals = [interval for stage, interval in tokenized if stage == name]
        needed = [(stage, i) for stage in ("corpus", "dedup") for i in intervals]
        if all(key in manifests for key in needed):
            check_leaks(corpus, name.removeprefix("tokens/"))


@contextmanager
def _checking(workers: int, size: int) -> Iterator[Check]:
    """What checks files of so many bytes in all."""
    if workers == 1 or size < _WORTH:
        yield _check_in_turn
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield partial(_check_by, pool)


def _check_by(pool: ProcessPoolExecutor, recorded: Iterable[RecordedFile]) -> None:
    for _ in pool.map(_verify_file, recorded, chunksize=_TOGETHER):
        pass


def _check_in_turn(recorded: Iterable[RecordedFile]) -> None:
    for one in recorded:
        _verify_file(one)


def verify_stage(
    folder: str, manifest: Manifest, remedy: str = _REMEDY, check: Check = _check_in_turn
) -> None:
    """Checks one stage: bytes, hashes, rows and fingerprint of every file, and no others there."""
    entries = list(manifest.entries())
    check(RecordedFile(files.join(folder, entry.name), entry, remedy) for entry in entries)
    expected = _OWN | manifest.own_names() | {entry.name.split("/")[0] for entry in entries}
    for path in files.listed(folder, "*"):
        if files.name_of(path) not in expected:
            raise WebtextError(
                f"{path} is in no manifest: who reads the folder would read it, too",
                "Move it away; `webtext build` makes nothing there that its manifest does not name",
            )
    fingerprint = add_fingerprints(e.fingerprint for e in entries if e.fingerprint)
    if fingerprint != manifest.fingerprint:
        raise WebtextError(f"{folder}: the fingerprint is not the sum of its files'", remedy)


def _verify_file(recorded: RecordedFile) -> None:
    path, entry, remedy = recorded.path, recorded.entry, recorded.remedy
    if not files.exists(path):
        raise WebtextError(f"{path} is missing", remedy)
    if files.size(path) != entry.bytes:
        raise WebtextError(f"{path} has {files.size(path):,} bytes, not {entry.bytes:,}", remedy)
    if files.sha256(path) != entry.sha256:
        raise WebtextError(f"{path} was changed: its sha256 is not the recorded one", remedy)
    if not path.endswith(".parquet"):
        return
    with open_table(path, remedy) as table:
        if table.metadata.num_rows != entry.rows:
            raise WebtextError(f"{path} has not the recorded {entry.rows:,} rows", remedy)
        if entry.fingerprint is None:
            return
        volatile = VOLATILE.get(table_of(entry.name), frozenset())
        sums = (
            table_fingerprint(pa.Table.from_batches([batch]), volatile)
            for batch in table.iter_batches(4096)
        )
        if add_fingerprints(sums) != entry.fingerprint:
            raise WebtextError(f"{path}: its rows do not give the recorded fingerprint", remedy)
