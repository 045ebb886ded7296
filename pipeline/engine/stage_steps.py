"""A stage as a plan: its steps, and its manifest, the last file of all, from their reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.engine.steps import Reports, Step
from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import (
    PROGRESS,
    WORK,
    Counts,
    Manifest,
    add_audits,
    add_fingerprints,
    write_manifest,
)
from pipeline.store.packages import versions
from pipeline.store.parts import Part


def _unchanged(manifest: Manifest) -> Manifest:
    return manifest


@dataclass(frozen=True)
class Ending:
    """The manifest of the stage in `folder`, completed from `draft`."""

    folder: str
    draft: Manifest
    #: What of all reports is of the result: `partial(filter, ...)` or `partial(map, ...)`.
    results: Callable[[Reports], Iterable[Part]] = iter
    #: May refuse the finished manifest (an empty result) by raising, or add to it.
    check: Callable[[Manifest], Manifest] = _unchanged

    def write(self, reports: Reports, seconds: float) -> Manifest:
        """Writes it, and removes what the stage does not keep; `seconds` is what the work took."""
        if self.draft.lease:
            self.draft.lease.confirm()
        manifest = self.check(complete(self.draft, list(self.results(reports)), seconds))
        manifest = write_manifest(self.folder, manifest)
        remove_unlisted(self.folder, manifest)
        return manifest


@dataclass(frozen=True)
class StageSteps:
    """What a stage is to do: steps, of which each is planned when those before it are done."""

    steps: tuple[Step, ...]
    ending: Ending


def complete(draft: Manifest, parts: Sequence[Part], seconds: float) -> Manifest:
    """The manifest of a finished stage from its draft and its parts."""
    counts, extra, audit = Counts(), dict(draft.extra), draft.audit
    for part in parts:
        counts += part.counts
        audit = add_audits(audit, part.audit) if part.audit else audit
        for name, number in part.extra.items():
            extra[name] = extra.get(name, 0) + number
    if not counts.balanced():
        raise WebtextError(
            f"Stage {draft.stage}: counts do not add up: {counts.model_dump(by_alias=True)}",
            "This is a bug of the stage: please report it with the recipe",
        )
    entries = sorted((part.file for part in parts if part.file), key=lambda entry: entry.name)
    return draft.model_copy(
        update={
            "counts": counts,
            "extra": dict(sorted(extra.items())),
            "audit": audit,
            "files": entries,
            "fingerprint": add_fingerprints(e.fingerprint for e in entries if e.fingerprint),
            "seconds": round(seconds, 3),
            "packages": versions(),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )


def remove_unlisted(folder: str, manifest: Manifest) -> None:
    """Removes scratch, progress, files of an older build, and what killed runs left."""
    listed = {entry.name for entry in manifest.entries()} | manifest.own_names()
    for name in (WORK, PROGRESS):
        files.remove(files.join(folder, name))
    for path in files.listed(folder, "*"):
        if files.name_of(path) not in listed:
            files.remove(path)
    for path in files.leftovers(folder):
        files.remove(path)
