"""A command as a process group: its output line by line, and its end with all that it started."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO

#: Seconds between SIGTERM and SIGKILL.  Airflow's supervisor kills the task itself after 5.
GRACE = 3.0

_LINE = 1 << 16  # bytes; a line that is longer comes in pieces
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
#: What belongs to Airflow and not to the command: its secrets, its modules.
_AIRFLOWS_OWN = ("AIRFLOW", "_AIRFLOW", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


class Process:
    """One command that runs in a session of its own.  Raises OSError where it does not start."""

    def __init__(self, line: Sequence[str], folder: str, more: Mapping[str, str]) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_AIRFLOWS_OWN)}
        self._process = subprocess.Popen(
            line,
            cwd=folder,
            env={**inherited, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1", **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 (one call into libc, takes no lock)
        )
        self._reaper = threading.Thread(target=self._end_with_command, daemon=True)
        self._reaper.start()

    def run(self, say: Callable[[str], None]) -> int:
        """Says each line as soon as it is there; returns the exit code, negative for a signal."""
        assert self._process.stdout is not None
        with self._process:
            try:
                for said in _lines(self._process.stdout):
                    say(said)
                self._reaper.join()
            finally:
                self.stop()
            return self._process.wait()

    def stop(self) -> None:
        """Ends the command and all that it started, if it still runs: SIGTERM, then SIGKILL."""
        if not self._reaper.is_alive():
            return
        self._signal(signal.SIGTERM)
        self._reaper.join(GRACE)
        if self._reaper.is_alive():
            self._signal(signal.SIGKILL)
            self._reaper.join()

    def _end_with_command(self) -> None:
        """Waits for the command, then ends what it left behind, which would hold the output open.

        The command is not reaped yet, so its process group is still its own.
        """
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def _lines(stream: IO[bytes]) -> Iterator[str]:
    while said := stream.readline(_LINE):
        yield said.decode("utf-8", "replace").rstrip()


def _die_with_parent() -> Callable[[], object] | None:
    """On Linux the command also ends when the task is killed too hard to stop it."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
