"""The token corpora that a run reads: their intervals, shards and generations.

`ROOT/tokens/NAME` is one corpus, `A,B` is a mixture of two.  Corpora grow: a run keeps to the
intervals it was started with until new ones join, at a sample that the run records.  All
samples from there on come from the next generation: the old intervals and the new.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from pipeline.store import files
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.manifest import Manifest, add_fingerprints, read_manifest
from trainer.data.tokenizers import same_tokenizers

SPLITS = ("train", "validation")


@dataclass(frozen=True)
class Interval:
    """A finished interval: prefixes (paths without `.bin`) with the bytes of their `.bin`."""

    name: str
    fingerprint: str
    sizes: dict[str, int]

    def prefixes(self, split: str) -> tuple[str, ...]:
        """Those of `train` or `validation`, in order of number."""
        return tuple(p for p in self.sizes if PurePosixPath(p).name.startswith(f"{split}-"))


@dataclass(frozen=True)
class Generation:
    """What a corpus consists of from its training sample `first` on."""

    first: int
    intervals: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True)
class TokenCorpus:
    """One token corpus: all its intervals on disk, and the generations a run takes them in."""

    root: str
    name: str
    intervals: tuple[Interval, ...]
    generations: tuple[Generation, ...]

    @property
    def address(self) -> str:
        """`ROOT/tokens/NAME`, from the root of the disk where it is local."""
        local = not files.is_remote(self.root)
        root = os.path.abspath(files.local_path(self.root)) if local else self.root
        return f"{root}/tokens/{self.name}"

    @property
    def tokenizer(self) -> str:
        """The path of its `tokenizer.json`."""
        return f"{Corpus(self.root).tokenizer(self.name)}/tokenizer.json"

    def sizes(self, split: str, generation: Generation) -> dict[str, int]:
        """Prefix and bytes of the shards of a split, in order of interval and number."""
        here = [i for i in self.intervals if i.name in generation.intervals]
        return {prefix: i.sizes[prefix] for i in here for prefix in i.prefixes(split)}

    def generation(self, first: int, names: Sequence[str]) -> Generation:
        """The generation of the intervals `names`, as they are on disk now.

        Raises SettingError when one is not there.
        """
        by_name = {interval.name: interval for interval in self.intervals}
        missing = [name for name in names if name not in by_name]
        if missing:
            raise SettingError(
                f"{self.address} has no finished interval {missing[0]}",
                "Bring back the shards that the run was started on",
            )
        fingerprint = add_fingerprints(by_name[name].fingerprint for name in names)
        return Generation(first, tuple(names), fingerprint)

    def joined(self, first: int) -> TokenCorpus:
        """With all intervals from sample `first` on; itself where it has all of them."""
        everything = self.generation(first, [interval.name for interval in self.intervals])
        if everything.intervals == self.generations[-1].intervals:
            return self
        kept = tuple(g for g in self.generations if g.first < first)
        return replace(self, generations=(*kept, everything))


@dataclass(frozen=True)
class Shards:
    """The corpora of a run."""

    corpora: tuple[TokenCorpus, ...]

    @property
    def address(self) -> str:
        """What `find_shards` takes to find them again."""
        return ",".join(corpus.address for corpus in self.corpora)

    @property
    def name(self) -> str:
        """The names of the corpora."""
        return " + ".join(corpus.name for corpus in self.corpora)

    @property
    def tokenizer(self) -> str:
        """The path of the tokenizer, which all of them share."""
        return self.corpora[0].tokenizer

    @property
    def fingerprint(self) -> str:
        """What all shards of the last generation hold; of one corpus, its own fingerprint."""
        fingerprints = [corpus.generations[-1].fingerprint for corpus in self.corpora]
        return (
            fingerprints[0]
            if len(fingerprints) == 1
            else hashlib.blake2b("/".join(fingerprints).encode()).hexdigest()
        )

    @property
    def train(self) -> tuple[str, ...]:
        """The prefixes of all training shards of the last generation."""
        return self.split("train")

    @property
    def validation(self) -> tuple[str, ...]:
        """The prefixes of all validation shards of the last generation."""
        return self.split("validation")

    def split(self, name: str) -> tuple[str, ...]:
        """The prefixes of `train` or `validation`."""
        return tuple(p for c in self.corpora for p in c.sizes(name, c.generations[-1]))

    def recorded(self) -> list[list[dict[str, Any]]]:
        """The generations of each corpus as plain values, for `run.json` and checkpoints."""
        return [
            [{"first": g.first, "intervals": list(g.intervals)} for g in corpus.generations]
            for corpus in self.corpora
        ]

    def at(self, recorded: Sequence[Sequence[dict[str, Any]]]) -> Shards:
        """With the generations that a run recorded.

        Raises SettingError where some are gone.  A run from before there were generations
        recorded none, and takes what is there.
        """
        if not recorded:
            return self
        if len(recorded) != len(self.corpora):
            raise SettingError(
                f"The run mixes {len(recorded)} corpora, here are {len(self.corpora)}",
                "Give the --data it was started with",
            )
        taken = [
            replace(
                corpus,
                generations=tuple(corpus.generation(g["first"], g["intervals"]) for g in said),
            )
            for corpus, said in zip(self.corpora, recorded, strict=True)
        ]
        return Shards(tuple(taken))


def find_shards(data: str) -> Shards:
    """The shards below `data`: `ROOT/tokens/NAME`, or several of them with commas between.

    Raises SettingError when there is none or tokenizers differ, WebtextError when the
    tokenizer beside them is missing or is not the one that they were made with.
    """
    corpora = tuple(_find(one) for one in token_folders(data))
    if not same_tokenizers([corpus.tokenizer for corpus in corpora]):
        raise SettingError(
            f"The corpora of --data {data} have different tokenizers",
            'Build all with one: [tokens] kind = "file" takes an existing tokenizer.json',
        )
    return Shards(corpora)


def token_folders(data: str) -> list[str]:
    """The folders that `data` names; a comma elsewhere than behind one is part of its path."""
    found = re.findall(r"(.+?/tokens/[^/,]+/?)(?:,|$)", data)
    folders = found if found and ",".join(found) == data else data.split(",")
    return [folder.strip() for folder in folders]


def _find(data: str) -> TokenCorpus:
    path = PurePosixPath(data.rstrip("/"))
    if path.parent.name != "tokens":
        raise SettingError(
            f"--data {data!r} is not a folder of token shards", "Give ROOT/tokens/NAME of a corpus"
        )
    root = data.rstrip("/").removesuffix(f"/tokens/{path.name}")
    corpus, stage = Corpus(root), f"tokens/{path.name}"
    names = corpus.intervals(stage)
    if not names:
        raise SettingError(
            f"No finished token shards below {data}", "Run `webtext build RECIPE` first"
        )
    manifests = [corpus.require(stage, name) for name in names]
    _check_tokenizer(corpus.tokenizer(path.name), path.name, manifests)
    intervals = []
    for name, manifest in zip(names, manifests, strict=True):
        folder = corpus.folder(stage, name)
        # Pages that were forgotten may have been all of a split.
        empty = tuple(f"{split}-" for split in SPLITS if manifest.extra.get(f"{split}_tokens") == 0)
        sizes = {
            f"{folder}/{entry.name.removesuffix('.bin')}": entry.bytes
            for entry in sorted(manifest.entries(), key=lambda f: f.name)
            if entry.name.endswith(".bin") and not entry.name.startswith(empty)
        }
        intervals.append(Interval(name, manifest.fingerprint, sizes))
    everything = Generation(0, tuple(names), add_fingerprints(m.fingerprint for m in manifests))
    return TokenCorpus(root, path.name, tuple(intervals), (everything,))


def _check_tokenizer(folder: str, name: str, manifests: list[Manifest]) -> None:
    """The shards name the tokenizer's fingerprint among their inputs."""
    found = read_manifest(folder)
    if found is None:
        raise WebtextError(
            f"No finished tokenizer in {folder}", "Build the tokens stage, or copy it along"
        )
    for manifest in manifests:
        wanted = manifest.inputs.get(f"tokenizers/{name}", found.fingerprint)
        if wanted != found.fingerprint:
            raise WebtextError(
                f"The tokenizer in {folder} is not the one of the shards of {manifest.interval}",
                "Put back the tokenizer that the shards were built with, or build them again",
            )
