"""The one operator of the DAGs here: it runs the `webtext` command as a process of its own.

The command lives in another environment than Airflow, so nothing of the pipeline is
imported.  Its output goes to the task's log line by line, its process group ends with
the task, and its exit code says what is to become of the task:

0  done; what the command wrote to `--result` becomes the task's XCom
1  failed: tried again, since finished parts are kept and the command goes on from there
2  a setting is wrong: fails at once, as another try would say the same
3  the answer is no (`webtext compare`): skipped, with all that depends on it
"""

from __future__ import annotations

import ctypes
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

if TYPE_CHECKING:
    from airflow.sdk import Context

WRONG_SETTING = 2
ANSWER_IS_NO = 3

#: Seconds between SIGTERM and SIGKILL.  Airflow's supervisor kills the task itself after 5.
GRACE = 3.0

_LINE = 1 << 16  # bytes; a line that is longer is logged in pieces
_TAIL = 3  # lines of output that an error repeats
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
#: What belongs to Airflow and not to the command: its secrets, its modules.
_AIRFLOWS_OWN = ("AIRFLOW", "_AIRFLOW", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


class CommandFailed(AirflowException):
    """The command ended with an error that another try may get over."""


class CommandKilled(AirflowException):
    """A signal ended the command: out of memory, a kill, a machine that shut down."""


class WebtextOperator(BaseOperator):
    """Runs `webtext ARGUMENTS` and returns what it wrote to `--result`.

    `command` starts webtext, as one line (`/opt/webtext/bin/webtext`); `folder` is where it
    runs, which relative paths of a recipe refer to; `environment` is added to that of the
    worker, from which Airflow's own settings are taken out.  Empty arguments are left out,
    so that a template may give none.
    """

    template_fields: Sequence[str] = ("arguments", "command", "folder", "environment")
    ui_color = "#d9ead3"

    def __init__(
        self,
        *,
        arguments: Sequence[str],
        command: str = "webtext",
        folder: str = ".",
        environment: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.arguments = arguments
        self.command = command
        self.folder = folder
        self.environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None
        self._reaper: threading.Thread | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Runs the command to its end.

        Raises AirflowFailException, AirflowSkipException, CommandFailed or CommandKilled.
        """
        with tempfile.TemporaryDirectory(prefix="webtext-") as scratch:
            result = Path(scratch) / "result.json"
            asked = [argument for argument in self.arguments if argument]
            line = [*shlex.split(self.command), "--result", str(result), *asked]
            self.log.info("In %s: %s", self.folder, shlex.join(line))
            code, tail = self._run(line)
            self._judge(code, shlex.join(["webtext", *asked[:1]]), tail)
            said: dict[str, Any] = json.loads(result.read_text()) if result.exists() else {}
            return said

    def on_kill(self) -> None:
        """Ends the command and all that it started: SIGTERM, then SIGKILL."""
        if self._process is None or self._reaper is None or not self._reaper.is_alive():
            return
        self.log.warning("Stops the process group %d", self._process.pid)
        _signal(self._process, signal.SIGTERM)
        self._reaper.join(GRACE)
        if self._reaper.is_alive():
            _signal(self._process, signal.SIGKILL)
            self._reaper.join()

    def _run(self, line: Sequence[str]) -> tuple[int, str]:
        """Exit code (negative: the signal) and last lines of the command."""
        tail: deque[str] = deque(maxlen=_TAIL)
        with self._start(line) as process:
            self._process = process
            self._reaper = threading.Thread(target=_end_with, args=(process,), daemon=True)
            self._reaper.start()
            assert process.stdout is not None
            try:
                for said in _lines(process.stdout):
                    self.log.info("%s", said)
                    tail.append(said)
                self._reaper.join()
            finally:
                self.on_kill()
            return process.wait(), " / ".join(tail)

    def _start(self, line: Sequence[str]) -> subprocess.Popen[bytes]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_AIRFLOWS_OWN)}
        try:
            return subprocess.Popen(
                line,
                cwd=self.folder,
                env={**inherited, "PYTHONUNBUFFERED": "1", **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent(),  # noqa: PLW1509 (one call into libc, which takes no lock)
            )
        except OSError as error:
            raise AirflowFailException(
                f"{line[0]} does not start in {self.folder}: {error}. "
                "Set WEBTEXT_COMMAND and WEBTEXT_FOLDER"
            ) from None

    def _judge(self, code: int, name: str, tail: str) -> None:
        if code == WRONG_SETTING:
            raise AirflowFailException(f"{name}: {tail}")
        if code == ANSWER_IS_NO:
            raise AirflowSkipException(f"{name}: {tail}")
        # A shell in between says 128 + signal.
        number = -code if code < 0 else code - 128
        if number in signal.valid_signals():
            raise CommandKilled(f"{name} was ended by {signal.Signals(number).name}: {tail}")
        if code:
            raise CommandFailed(f"{name} ended with {code}: {tail}")


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """The output line by line, as soon as each is there."""
    while said := stream.readline(_LINE):
        yield said.decode("utf-8", "replace").rstrip()


def _end_with(process: subprocess.Popen[bytes]) -> None:
    """Waits for the command, then ends what it left behind, which would hold the output open.

    The command is not reaped yet, so its process group is still its own.
    """
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _die_with_parent() -> Callable[[], object] | None:
    """On Linux the command also ends when the task is killed too hard to run `on_kill`."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
