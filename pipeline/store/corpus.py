"""The folder of a corpus: where each stage of each interval lies (`docs/formats.md`).

It is the contract between the stages, and between pipeline and trainer: paths here, tables in
`schemas.py`, what a stage says of itself in `manifest.py`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from pipeline.store import files
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.manifest import Manifest, manifest_path, read_manifest

#: The stages, in the order in which data flows.
STAGES = ("links", "pages", "documents", "quality", "dedup", "corpus", "tokens")


@dataclass(frozen=True)
class Corpus:
    """The folder of a corpus.  `root` is a local path or an fsspec address."""

    root: str

    def __post_init__(self) -> None:
        check_root(self.root)

    def check_there(self) -> None:
        """Raises WebtextError where there is no corpus: a name that is mistyped, most often."""
        if any(files.exists(files.join(self.root, stage)) for stage in STAGES):
            return
        if not files.is_remote(self.root) and os.path.isfile(files.local_path(self.root)):
            raise WebtextError(f"{self.root} is a file, not a corpus", "Correct the path")
        there = files.exists(self.root)
        raise WebtextError(
            f"{self.root} holds no corpus" if there else f"There is no corpus {self.root}",
            "Correct the path, or run `webtext build RECIPE` first",
        )

    def folder(self, stage: str, interval: str) -> str:
        """The folder of a stage of an interval; of tokens, pass `tokens/NAME` as the stage."""
        return files.join(self.root, stage, interval)

    def tokenizer(self, name: str) -> str:
        """The folder of a tokenizer."""
        return files.join(self.root, "tokenizers", name)

    def token_stages(self) -> list[str]:
        """The stages with shards, one a tokenizer: `tokens/NAME`."""
        folders = files.listed(self.root, "tokens", "*")
        return ["tokens/" + files.name_of(path) for path in folders]

    def manifest(self, stage: str, interval: str) -> Manifest | None:
        """The manifest of a stage, None while it is unfinished."""
        return read_manifest(self.folder(stage, interval))

    def require(self, stage: str, interval: str) -> Manifest:
        """The manifest of a stage; WebtextError while it is unfinished."""
        manifest = self.manifest(stage, interval)
        if manifest is None:
            built = ", ".join(self.intervals(stage))
            remedy = f"Run `webtext build RECIPE --until {stage.partition('/')[0]}` first"
            raise WebtextError(
                f"Stage {stage} of {interval} is not built in {self.root}",
                f"There is: {built}" if built else remedy,
            )
        return manifest

    def intervals(self, stage: str) -> list[str]:
        """The intervals for which a stage is finished, in order."""
        folders = files.listed(files.join(self.root, stage), "*")
        return [path.rsplit("/", 1)[1] for path in folders if manifest_path(path)]

    def last_interval(self, stage: str) -> str:
        """The last finished interval of a stage; WebtextError where there is none."""
        intervals = self.intervals(stage)
        if not intervals:
            raise WebtextError(
                f"{self.root} has no finished stage {stage}", "Run `webtext build RECIPE` first"
            )
        return intervals[-1]

    def intervals_before(self, stage: str, interval: str) -> list[str]:
        """The finished intervals of a stage that come before `interval`."""
        return [name for name in self.intervals(stage) if name < interval]

    def paths(self, stage: str, interval: str, prefix: str = "part-") -> list[str]:
        """The Parquet files of a finished stage whose names begin with `prefix`, in order."""
        manifest = self.require(stage, interval)
        folder = self.folder(stage, interval)
        return [files.join(folder, entry.name) for entry in manifest.tables(prefix)]


def check_root(root: str) -> str:
    """Refuses a root that an unset variable of the shell leaves: the whole file system or store."""
    if not root.strip() or not root.split("://", 1)[-1].strip().strip("/"):
        raise SettingError(
            f"The root of the corpus is {root!r}",
            "Give a folder or an address (in a recipe: corpus.root). Is a shell variable unset?",
        )
    return root


def check_interval(interval: str) -> str:
    """Refuses names that would not sort or could not be a folder."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", interval):
        raise SettingError(
            f"Interval {interval!r} is not a plain name", "Use letters, digits, '-', '.', '_'"
        )
    return interval
