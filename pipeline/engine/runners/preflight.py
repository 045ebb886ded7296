"""Checks of workers before anything is submitted: one clear error for each thing wrong."""

from __future__ import annotations

import os
import platform
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.store.packages import versions
from pipeline.store.registry import plugin_versions

#: Calls a function on every worker; {address: what it gave, or the exception that it raised}.
Everywhere: TypeAlias = Callable[[Callable[[], Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class Installation:
    """What a process has: its Python, its packages, its hash seed."""

    python: str
    packages: dict[str, str]
    #: Distributions that add measures, sources and the like.
    plugins: tuple[str, ...]
    hash_seed: str


def installation() -> Installation:
    """That of this process; the Python version without its last number."""
    return Installation(
        ".".join(platform.python_version_tuple()[:2]),
        versions(),
        tuple(plugin_versions()),
        os.environ.get("PYTHONHASHSEED", "random"),
    )


def check_worker(address: str, answer: Installation | BaseException) -> None:
    """Raises WebtextError for a worker that would give wrong results or none."""
    check_installation("Worker", address, answer)
    if isinstance(answer, Installation) and answer.hash_seed == "random":
        raise WebtextError(
            f"Worker {address} has a random hash seed, so a repeated task could differ",
            "Set PYTHONHASHSEED=0 in its environment before it starts",
        )


def check_installation(role: str, address: str, answer: Installation | BaseException) -> None:
    """Raises WebtextError unless a machine, of this role, has what this process has."""
    if not isinstance(answer, Installation):
        raise WebtextError(
            f"{role} {address} cannot load this package: {answer}",
            "Install webtext in the same version on the scheduler and all workers",
        ) from answer
    difference(role, address, answer, installation())


def difference(role: str, address: str, there: Installation, here: Installation) -> None:
    """Raises WebtextError for the first thing in which a machine is not as this process is."""
    if there.python != here.python:
        raise WebtextError(
            f"{role} {address} runs Python {there.python}, this process {here.python}",
            "Use the same Python on all machines",
        )
    if one_sided := set(there.plugins) ^ set(here.plugins):
        plugin = min(one_sided)
        has, lacks = f"{role} {address}", "this process"
        if plugin in here.plugins:
            has, lacks = lacks, has
        raise WebtextError(
            f"{has} has {plugin}, which adds to webtext, {lacks} has not",
            "Install the same distributions on all machines",
        )
    for name in sorted(there.packages.keys() | here.packages.keys()):
        theirs, ours = (side.packages.get(name, "missing") for side in (there, here))
        if theirs != ours:
            raise WebtextError(
                f"{role} {address} has {name} {theirs}, this process {ours}",
                "Install from the same constraints file on all machines",
            )


def check_shared(everywhere: Everywhere, root: str) -> None:
    """Raises WebtextError unless all workers write into the very folder that this process reads.

    `root` is a path or an fsspec address.  A path that exists on every machine, but is another
    disk on each, is found as well: each side looks for what the other one wrote.
    """
    folder = files.join(root, f"_check-{uuid.uuid4().hex}")
    try:
        files.write_bytes(files.join(folder, "here"), b"")
        marks = everywhere(partial(_leave_mark, folder))
        for address, mark in sorted(marks.items()):
            _check_mark(address, folder, root, mark)
    finally:
        files.remove(folder)


def _leave_mark(folder: str) -> tuple[bool, str]:
    """On a worker: whether it sees this process's file, and the name of its own."""
    name = uuid.uuid4().hex
    files.write_bytes(files.join(folder, name), b"")
    return files.exists(files.join(folder, "here")), name


def _check_mark(
    address: str, folder: str, root: str, mark: tuple[bool, str] | BaseException
) -> None:
    if isinstance(mark, BaseException):
        raise WebtextError(
            f"Worker {address} cannot write to {root}: {type(mark).__name__}: {mark}",
            "Give workers access and credentials, or free space there",
        ) from mark
    sees, name = mark
    if not sees or not files.exists(files.join(folder, name)):
        raise WebtextError(
            f"{root} of worker {address} is not the one that this process sees",
            "Use an address that all machines share, such as s3://bucket/corpus",
        )
