"""The shards of a corpus as the trainer finds them below `ROOT/tokens/NAME`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.corpus import Corpus, Manifest, add_fingerprints, read_manifest
from pipeline.errors import SettingError, WebtextError

SPLITS = ("train", "validation")


@dataclass(frozen=True)
class Shards:
    """All finished intervals of one token corpus.

    `train` and `validation` are path prefixes (without `.bin`), in order of interval and
    number.  `fingerprint` says what all of them hold.  `tokenizer` is the path of its
    `tokenizer.json`.
    """

    root: str
    name: str
    intervals: tuple[str, ...]
    train: tuple[str, ...]
    validation: tuple[str, ...]
    fingerprint: str
    tokenizer: str

    def split(self, name: str) -> tuple[str, ...]:
        """The path prefixes of `train` or `validation`."""
        return self.train if name == "train" else self.validation


def find_shards(data: str) -> Shards:
    """The shards below `data`, which is `ROOT/tokens/NAME`.

    Raises SettingError when there is none, WebtextError when the tokenizer beside them
    is missing or is not the one that they were made with.
    """
    path = PurePosixPath(data.rstrip("/"))
    if path.parent.name != "tokens":
        raise SettingError(
            f"--data {data} is not a folder of token shards", "Give ROOT/tokens/NAME of a corpus"
        )
    root = data.rstrip("/").removesuffix(f"/tokens/{path.name}")
    corpus, stage = Corpus(root), f"tokens/{path.name}"
    intervals = corpus.intervals(stage)
    if not intervals:
        raise SettingError(
            f"No finished token shards below {data}", "Run `webtext build RECIPE` first"
        )
    manifests = [corpus.require(stage, interval) for interval in intervals]
    tokenizer = f"{corpus.tokenizer(path.name)}"
    _check_tokenizer(tokenizer, path.name, manifests)
    prefixes = [
        f"{corpus.folder(stage, interval)}/{entry.name.removesuffix('.bin')}"
        for interval, manifest in zip(intervals, manifests, strict=True)
        for entry in sorted(manifest.files, key=lambda f: f.name)
        if entry.name.endswith(".bin")
    ]
    return Shards(
        root=root,
        name=path.name,
        intervals=tuple(intervals),
        train=tuple(p for p in prefixes if PurePosixPath(p).name.startswith("train-")),
        validation=tuple(p for p in prefixes if PurePosixPath(p).name.startswith("validation-")),
        fingerprint=add_fingerprints(manifest.fingerprint for manifest in manifests),
        tokenizer=f"{tokenizer}/tokenizer.json",
    )


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
