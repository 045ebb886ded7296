"""Registries: the classes that an entry point group names, ours and other distributions' alike.

A measure, a link source, an objective is a class that carries all that others ask of it.  A
distribution names it in its `pyproject.toml`, and installing the distribution is all it takes:

    [project.entry-points."webtext.measures"]
    emoji = "my_package.emoji:Emoji"

Ours stand in this project's `pyproject.toml`, so no list in the code names any of them.  A class
is imported when it is first asked for.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any, Generic, TypeVar

from pipeline.store.errors import SettingError, WebtextError

T = TypeVar("T")


class Registry(Generic[T]):
    """The classes of one group.

    `base` is the class that all of them derive from; `noun` says in errors what one is.
    """

    def __init__(self, group: str, base: type[T], noun: str) -> None:
        self.group, self.base, self.noun = group, base, noun

    def names(self) -> list[str]:
        """The names that can be asked for, sorted; nothing is imported."""
        return sorted(_entries(self.group))

    def get(self, name: str, setting: str = "") -> type[T]:
        """The class of a name; `setting` is the key that gave the name, for the error.

        Raises SettingError for an unknown name, WebtextError for a class that cannot be imported
        or is none of this registry.
        """
        entry = _entries(self.group).get(name)
        if entry is None:
            where = f"{setting} = {name!r}: " if setting else ""
            raise SettingError(
                f"{where}no {self.noun} has the name {name!r}", self.names_known(name)
            )
        loaded = load(entry, self.noun)
        if not (isinstance(loaded, type) and issubclass(loaded, self.base)):
            raise WebtextError(
                f"The {self.noun} {describe(entry)} is no {self.base.__name__}",
                f"Derive it from {self.base.__module__}.{self.base.__qualname__}",
            )
        return loaded

    def names_known(self, name: str = "") -> str:
        """`Known: A, B`, and which of them is most like `name`."""
        names = self.names()
        return f"Known: {', '.join(names)}{nearest(name, names)}" if names else _REINSTALL

    def classes(self) -> dict[str, type[T]]:
        """All classes by name, in order of name; raises as `get` does."""
        return {name: self.get(name) for name in self.names()}


#: A checkout whose environment was made before it had entry points.
_REINSTALL = "None is installed: run `pip install -e .` (or `make test`) again"


def nearest(name: str, names: Iterable[str]) -> str:
    """`. Did you mean NAME?` for the known name that is most like it; empty where none is."""
    close = difflib.get_close_matches(name, list(names), n=1)
    return f". Did you mean {close[0]}?" if close else ""


def load(entry: EntryPoint, noun: str) -> Any:
    """What an entry point names; WebtextError that names its distribution where it fails."""
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        raise WebtextError(
            f"The {noun} {describe(entry)} cannot be loaded: {type(error).__name__}: {error}",
            "Install what it needs, or a version of it that is made for this one of webtext "
            "(docs/extending.md)",
        ) from error


def describe(entry: EntryPoint) -> str:
    """`emoji (my_package.emoji:Emoji, of my-package 1.0)`."""
    of = f", of {entry.dist.name} {entry.dist.version}" if entry.dist else ""
    return f"{entry.name} ({entry.value}{of})"


def entries_of(group: str) -> EntryPoints:
    """What all distributions have named in a group."""
    entries: EntryPoints = _all_entries().select(group=group)
    return entries


@cache
def _all_entries() -> Any:  # EntryPoints; before Python 3.12 another class with their methods
    """Of all groups: to look for those of one takes as long, since each distribution is opened."""
    return entry_points()


@cache
def _entries(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name; WebtextError where two distributions share one."""
    by_name: dict[str, EntryPoint] = {}
    for entry in entries_of(group):
        other = by_name.setdefault(entry.name, entry)
        if other.value != entry.value:
            raise WebtextError(
                f"{group}: two distributions give the same name: {describe(other)} and "
                f"{describe(entry)}",
                "Uninstall one of them",
            )
    return by_name


def plugin_versions() -> list[str]:
    """`NAME VERSION` of each other distribution that adds to a group `webtext.…`, sorted."""
    ours = _all_entries()
    versions = {
        f"{entry.dist.name} {entry.dist.version}"
        for group in ours.groups
        if group.startswith("webtext.")
        for entry in ours.select(group=group)
        if entry.dist and entry.dist.name != "webtext"
    }
    return sorted(versions)
