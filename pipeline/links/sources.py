"""From the sources of a recipe to units of work: which files and listings there are to read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from pipeline.links.settings import LinksSettings, RedditApi, RedditDump, Source
from pipeline.store import files
from pipeline.store.errors import SettingError


@dataclass(frozen=True)
class Found:
    """One thing to read: a file, or a listing of the API (then `path` is the subreddit)."""

    path: str
    kind: str  # posts | comments | urls | listing | rescore
    accept_cut: bool = False
    api: RedditApi | None = None

    @property
    def name(self) -> str:
        """How the manifest names it."""
        if self.kind == "listing" and self.api is not None:
            return f"r/{self.path}/{self.api.listing}/{self.api.time_filter}"
        return self.path.rsplit("/", 1)[-1]

    def fingerprint(self) -> str:
        """Of a file, that of its content; of a listing, what is asked: it changes by the minute."""
        if self.kind == "listing" and self.api is not None:
            asked = f"{self.path} {self.api.listing} {self.api.time_filter} {self.api.limit}"
            return hashlib.blake2b(asked.encode(), digest_size=32).hexdigest()
        return files.content_fingerprint(self.path)

    def size(self) -> int:
        """Bytes to read, packed; 0 of a listing."""
        return 0 if self.kind == "listing" else files.size(self.path)


def find_sources(settings: LinksSettings) -> list[Found]:
    """All there is to read, in order of name.

    Raises SettingError for a glob that matches nothing and for two inputs of one name.
    """
    found: dict[tuple[str, str], Found] = {}
    for source in settings.sources:
        for item in _of_source(source):
            found.setdefault((item.path, item.kind), item)
    names: set[str] = set()
    for item in found.values():
        if item.name in names:
            raise SettingError(
                f"links.sources: two inputs are named {item.name}", "Rename one: names must differ"
            )
        names.add(item.name)
    return sorted(found.values(), key=lambda item: (item.name, item.kind))


def missing_sources(settings: LinksSettings, *, scores: bool = True) -> list[str]:
    """The globs of the sources that match no file, in the recipe's order.

    Without `scores` those that `webtext rescore` is still to write are not asked for.
    """
    return [
        pattern
        for source in settings.sources
        for pattern in _patterns(source, scores)
        if pattern and not files.glob(pattern)
    ]


def _patterns(source: Source, scores: bool) -> tuple[str, ...]:
    if isinstance(source, RedditApi):
        return (source.rescore,)
    if isinstance(source, RedditDump):
        return (source.posts, source.comments, *([source.scores] if scores else []))
    return (source.path,)


def _of_source(source: Source) -> list[Found]:
    if isinstance(source, RedditApi):
        listings = [Found(name, "listing", api=source) for name in source.subreddits]
        named = [Found(path, "rescore", api=source) for path in _glob("rescore", source.rescore)]
        return listings + named
    if isinstance(source, RedditDump):
        if not source.posts and not source.comments:
            raise SettingError("links.sources: a reddit-dump names no file", "Give posts = …")
        posts = [Found(path, "posts", source.accept_cut) for path in _glob("posts", source.posts)]
        comments = _glob("comments", source.comments)
        found = posts + [Found(path, "comments", source.accept_cut) for path in comments]
        return found + _scores(source)
    if not source.path:
        raise SettingError("links.sources: a source of kind urls names no file", "Give path = …")
    return [Found(path, "urls") for path in _glob("path", source.path)]


def _scores(source: RedditDump) -> list[Found]:
    """The posts that were asked for again; where none had to be, the file is empty, not cut."""
    if source.scores and not files.exists(source.scores):
        raise SettingError(
            f"links.sources: scores = {source.scores!r} is not there",
            "Run `webtext rescore RECIPE` first, or leave scores out",
        )
    return [Found(source.scores, "posts", accept_cut=True)] if source.scores else []


def _glob(name: str, pattern: str) -> list[str]:
    paths = files.glob(pattern) if pattern else []
    if pattern and not paths:
        raise SettingError(
            f"links.sources: {name} = {pattern!r} matches no file",
            "Check the path; it is relative to the current folder",
        )
    return paths
