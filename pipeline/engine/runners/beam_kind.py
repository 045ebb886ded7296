"""Beam's own runners as kinds of runners: their options, and what must hold before a build."""

from __future__ import annotations

import socket
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pipeline.engine.runners.runner_kind import OpenRunner, RunnerKind
from pipeline.store import files
from pipeline.store.errors import SettingError, WebtextError

_CONNECT = 5  # seconds


class BeamKind(RunnerKind):
    """One of Beam's runners, which is all in its options."""

    @contextmanager
    def open(self, options: Sequence[str], root: str) -> Iterator[OpenRunner]:
        """The options of the settings, then those of the user."""
        from pipeline.engine.runners.beam_runner import BeamRunner  # noqa: PLC0415  # imports Beam

        rendered = self.options()
        self.check(root)
        yield BeamRunner([*rendered, *options])

    @abstractmethod
    def options(self) -> list[str]:
        """`--runner=…` and all that goes with it; SettingError for settings that lack something."""

    def check(self, root: str) -> None:
        """Raises WebtextError for the first thing that would make a run fail."""


def refuse_local(root: str, name: str) -> None:
    """Raises SettingError for a folder of this machine, which workers elsewhere cannot reach."""
    if root and not files.is_remote(root):
        raise SettingError(
            f"corpus.root {root} is a folder of this machine, which workers of {name} do not see",
            "Use an address they all reach, such as s3://bucket/corpus",
        )


def check_reachable(address: str, key: str) -> None:
    """Raises WebtextError unless something answers at `host:port`, the value of `key`."""
    host, _, port = address.removeprefix("http://").removeprefix("https://").partition(":")
    if not port.rstrip("/").isdigit():
        raise SettingError(f"{key} {address!r} is not host:port", "Name host and port")
    try:
        socket.create_connection((host, int(port.rstrip("/"))), _CONNECT).close()
    except OSError as error:
        raise WebtextError(
            f"Nothing answers at {address} ({key}): {error}", "Start it, or correct the address"
        ) from error
