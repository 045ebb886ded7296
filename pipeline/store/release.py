"""Publishes the intervals of a corpus: `RELEASE.json` says which ones others may build on.

A build in progress is of no concern to those who read the corpus: they go by this file,
which appears whole and names finished intervals by what they say.  What was published once
does not change behind their back.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.store import files
from pipeline.store.corpus import Corpus
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.manifest import Manifest, add_fingerprints

RELEASE = "RELEASE.json"


class PublishedInterval(BaseModel):
    """A published interval: fingerprints of `corpus` and of each `tokens/NAME`, and when (UTC)."""

    model_config = ConfigDict(extra="forbid")

    fingerprints: dict[str, str]
    documents: int
    published: str


class Release(BaseModel):
    """What `RELEASE.json` says."""

    model_config = ConfigDict(extra="forbid")

    intervals: dict[str, PublishedInterval] = Field(default_factory=dict)

    def as_plain(self, corpus: Corpus) -> dict[str, Any]:
        """For programs: where the token shards are, and one fingerprint of all texts."""
        names = {name for one in self.intervals.values() for name in one.fingerprints}
        shards = sorted(name for name in names if name != "corpus")
        return {
            "root": corpus.root,
            "interval": max(self.intervals),
            "intervals": sorted(self.intervals),
            "documents": sum(one.documents for one in self.intervals.values()),
            "fingerprint": add_fingerprints(
                one.fingerprints["corpus"] for one in self.intervals.values()
            ),
            "data": [files.join(corpus.root, name) for name in shards],
        }


def read_release(corpus: Corpus) -> Release:
    """What was published so far; WebtextError where `RELEASE.json` is damaged."""
    path = files.join(corpus.root, RELEASE)
    if not files.exists(path):
        return Release()
    try:
        return Release.model_validate_json(files.read_bytes(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise WebtextError(
            f"{path} is damaged: {first['msg']}", "Bring it back from a copy"
        ) from None


def publish(corpus: Corpus, interval: str, *, replace: bool = False) -> Release:
    """Adds a finished interval to the release, and returns the release.

    Raises as `add_to` does.
    """
    release = read_release(corpus)
    if add_to(release, corpus, interval, replace=replace):
        write_release(corpus, release)
    return release


def add_to(release: Release, corpus: Corpus, interval: str, *, replace: bool = False) -> bool:
    """Adds a finished interval to a release; returns whether that changes it.

    Raises WebtextError while the interval is unfinished, SettingError when it was published
    with another text: only `replace` takes that.
    """
    stages = {"corpus": corpus.require("corpus", interval), **_tokens(corpus, interval)}
    fingerprints = {name: manifest.fingerprint for name, manifest in stages.items()}
    before = release.intervals.get(interval)
    if before and before.fingerprints == fingerprints:
        return False
    if before and not replace:
        changed = sorted(n for n, f in before.fingerprints.items() if fingerprints.get(n) != f)
        raise SettingError(
            f"Interval {interval} was published with other {', '.join(changed or fingerprints)}",
            "Build into another root, or add --replace if those who use it know",
        )
    release.intervals[interval] = PublishedInterval(
        fingerprints=fingerprints,
        documents=stages["corpus"].counts.kept,
        published=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return True


def write_release(corpus: Corpus, release: Release) -> None:
    """Writes `RELEASE.json`, its intervals in order."""
    values = release.model_dump()
    values["intervals"] = dict(sorted(values["intervals"].items()))
    data = orjson.dumps(values, option=orjson.OPT_INDENT_2) + b"\n"
    files.write_bytes(files.join(corpus.root, RELEASE), data)


def _tokens(corpus: Corpus, interval: str) -> dict[str, Manifest]:
    """The manifests of all token folders; each must be made from the texts that are there."""
    texts = corpus.require("corpus", interval).fingerprint
    manifests = {}
    for path in files.listed(corpus.root, "tokens", "*", interval):
        name = f"tokens/{path.rsplit('/', 2)[1]}"
        manifest = corpus.require(name, interval)
        if manifest.inputs.get("corpus", texts) != texts:
            raise WebtextError(
                f"{name} of {interval} was made from other texts than are there now",
                "Run `webtext build` to bring it up to date",
            )
        manifests[name] = manifest
    return manifests
