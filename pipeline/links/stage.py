"""The links stage: from dumps and lists to one row a page, with its karma and every mention."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import apache_beam as beam

from pipeline import files
from pipeline.corpus import Manifest
from pipeline.errors import SettingError, WebtextError
from pipeline.links.mentions import SourceFile, read_source
from pipeline.links.merge import Range, merge_range
from pipeline.links.settings import LinksSettings
from pipeline.parts import Part, work_key
from pipeline.sink import Gather, MakeParts, WriteManifest
from pipeline.stage import Job, Stage, Total

#: Mentions for one part; some 50,000 links, which the later stages take as one piece of work.
_MENTIONS_A_PART = 100_000


class Links(beam.PTransform):
    """From source files to links: root in, one Manifest out."""

    def __init__(
        self, sources: Sequence[SourceFile], folder: str, settings: LinksSettings, draft: Manifest
    ) -> None:
        super().__init__()
        self._sources, self._folder = list(sources), folder
        self._settings, self._draft = settings, draft

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        """One reader a file; then one merger a range of ids."""
        read = root | "Files" >> beam.Create(self._sources) | "Read" >> MakeParts(read_source)
        merged = (
            read
            | "All read" >> Gather()
            | "Plan" >> beam.FlatMap(partial(plan, self._folder, self._settings, self._draft))
            | "Merge" >> MakeParts(merge_range)
        )
        said = read | "Numbers" >> beam.Map(without_scratch)
        return (said, merged) | beam.Flatten() | WriteManifest(self._folder, self._draft, _checked)


def plan(
    folder: str, settings: LinksSettings, draft: Manifest, parts: Sequence[Part]
) -> list[Range]:
    """The ranges of ids to merge, by the number of mentions."""
    scratch = [part.file for part in parts if part.file and _is_scratch(part)]
    of = max(1, -(-sum(entry.rows for entry in scratch) // _MENTIONS_A_PART))
    names = tuple(sorted(entry.name for entry in scratch))
    key = work_key(draft.settings_hash, draft.code_version, sorted(draft.inputs.items()), of)
    return [Range(number, of, names, folder, key, settings) for number in range(of)]


def without_scratch(part: Part) -> Part:
    """The report of a scratch file, whose numbers count but which will not be there."""
    return Part(None, part.counts, part.extra) if _is_scratch(part) else part


def _is_scratch(part: Part) -> bool:
    return part.file is not None and part.file.name.endswith(".parquet")


def _checked(manifest: Manifest) -> Manifest:
    """Refuses an empty result."""
    if manifest.counts.kept == 0:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in manifest.counts.dropped.items())
        raise WebtextError(
            f"Stage links keeps none of {manifest.counts.seen:,} addresses ({reasons or 'none'})",
            "Check links.sources, and lower links.min_karma if it is that",
        )
    return manifest


class LinksStage(Stage):
    """The first stage of a build."""

    name = "links"
    version = "1"

    def settings(self, job: Job) -> LinksSettings:
        """The `[links]` section."""
        return job.recipe.links

    def inputs(self, job: Job) -> dict[str, str]:
        """Each source file by its name, with the fingerprint of its content."""
        found: dict[str, str] = {}
        for path, _ in source_paths(self.settings(job)):
            name = path.rsplit("/", 1)[-1]
            if name in found:
                raise SettingError(
                    f"links.sources: two files are named {name}", "Rename one: names must differ"
                )
            found[name] = files.content_fingerprint(path)
        return found

    def total(self, job: Job) -> Total:
        """Bytes to read, decompressed: dumps shrink to a seventh by zstd, to be guessed only."""
        packed = sum(files.size(path) for path, _ in source_paths(self.settings(job)))
        return Total(packed * 7, "bytes")

    def transform(self, job: Job) -> Links:
        """Reads every source file that is not read yet, then merges."""
        draft, settings = self.draft(job), self.settings(job)
        folder = self.folder(job)
        sources = [
            SourceFile(path, kind, number, folder, self._key(draft, path, kind), settings.over_18)
            for number, (path, kind) in enumerate(source_paths(settings))
        ]
        return Links(sources, folder, settings, draft)

    def _key(self, draft: Manifest, path: str, kind: str) -> str:
        over_18 = draft.settings["over_18"]
        content = draft.inputs[path.rsplit("/", 1)[-1]]
        return work_key(draft.code_version, content, path, kind, over_18)


def source_paths(settings: LinksSettings) -> list[tuple[str, str]]:
    """(path, kind) of every source file, in order; SettingError for a glob that matches nothing."""
    found: list[tuple[str, str]] = []
    for source in settings.sources:
        if source.kind == "urls":
            globs = {"path": (source.path, "urls")}
        else:
            globs = {
                "posts": (source.posts, "posts"),
                "comments": (source.comments, "comments"),
            }
        if not any(pattern for pattern, _ in globs.values()):
            raise SettingError(f"links.sources: a {source.kind} names no file", "Give its path")
        for name, (pattern, kind) in globs.items():
            paths = files.glob(pattern) if pattern else []
            if pattern and not paths:
                raise SettingError(
                    f"links.sources: {name} = {pattern!r} matches no file",
                    "Check the path; it is relative to the current folder",
                )
            found += [(path, kind) for path in paths]
    return sorted(set(found))
