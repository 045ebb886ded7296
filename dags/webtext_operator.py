"""The operator and the sensor of the DAGs here: they run the `webtext` command as a process.

The command lives in another environment than Airflow, so nothing of the pipeline is
imported.  Its output goes to the task's log line by line, its process group ends with
the task, and its exit code says what is to become of the task:

0  done; what the command wrote to `--result` becomes the task's XCom
1  failed: tried again, since finished parts are kept and the command goes on from there
2  a setting is wrong: fails at once, as another try would say the same
3  the answer is no: the operator is skipped with all that depends on it, the sensor waits
"""

from __future__ import annotations

import json
import shlex
import signal
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, BaseSensorOperator, PokeReturnValue
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from webtext_process import Process

if TYPE_CHECKING:
    from airflow.sdk import Context

WRONG_SETTING = 2
ANSWER_IS_NO = 3

_TAIL = 3  # lines of output that an error repeats
_FIELDS = ("arguments", "settings", "command", "folder", "environment")


class CommandFailed(AirflowException):
    """The command ended with an error that another try may get over."""


class CommandKilled(AirflowException):
    """A signal ended the command: out of memory, a kill, a machine that shut down."""


class AnswerIsNo(AirflowException):
    """The command did its work, and says no."""


class _Webtext(BaseOperator):
    """Runs `webtext ARGUMENTS --set SETTING …`.

    `settings` is a list, or a template that gives one as JSON.  `{each}` in an argument stands
    for the value `each` of a mapped task; `take` returns only that value of what was found.
    `command` starts webtext, as one line (`/opt/webtext/bin/webtext`); `folder` is where it
    runs, which relative paths of a recipe refer to; `environment` is added to that of the
    worker, from which Airflow's own settings are taken out.  Empty arguments are left out,
    so that a template may give none.
    """

    template_fields: Sequence[str] = _FIELDS

    def __init__(
        self,
        *,
        arguments: Sequence[str],
        settings: Sequence[str] | str = (),
        each: object = None,
        take: str = "",
        command: str = "webtext",
        folder: str = ".",
        environment: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.arguments = arguments
        self.each = each
        self.take = take
        self.settings = settings
        self.command = command
        self.folder = folder
        self.environment = environment or {}
        self._process: Process | None = None

    def on_kill(self) -> None:
        """Ends the command and all that it started."""
        if self._process is not None:
            self.log.warning("Stops the command")
            self._process.stop()

    def _run(self) -> dict[str, Any]:
        """What the command wrote to `--result`.

        Raises AirflowFailException, AnswerIsNo, CommandFailed or CommandKilled.
        """
        settings = json.loads(self.settings) if isinstance(self.settings, str) else self.settings
        each = str(self.each)
        asked = [argument.replace("{each}", each) for argument in self.arguments if argument]
        asked += [word for setting in settings for word in ("--set", setting)]
        name = shlex.join(["webtext", *asked[:1]])
        with tempfile.TemporaryDirectory(prefix="webtext-") as scratch:
            result = Path(scratch) / "result.json"
            line = [*shlex.split(self.command), "--result", str(result), *asked]
            self.log.info("In %s: %s", self.folder, shlex.join(line))
            tail: deque[str] = deque(maxlen=_TAIL)

            def say(said: str) -> None:
                self.log.info("%s", said)
                tail.append(said)

            try:
                self._process = Process(line, self.folder, self.environment)
            except OSError as error:
                raise AirflowFailException(
                    f"{line[0]} does not start in {self.folder}: {error}. "
                    "Set WEBTEXT_COMMAND and WEBTEXT_FOLDER"
                ) from None
            _judge(self._process.run(say), name, " / ".join(tail))
            said: dict[str, Any] = json.loads(result.read_text()) if result.exists() else {}
            return said


class WebtextOperator(_Webtext):
    """Runs a command to its end; what it found goes to XCom and along with the assets it made.

    `partition` is the part of those assets that it made, such as a month; empty: all of them.
    """

    ui_color = "#d9ead3"
    template_fields: Sequence[str] = (*_FIELDS, "partition")

    def __init__(self, *, partition: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.partition = partition

    def execute(self, context: Context) -> Any:
        """Skipped where the answer is no; other exceptions as `_judge` says."""
        try:
            said = self._run()
        except AnswerIsNo as error:
            raise AirflowSkipException(str(error)) from None
        for asset in self.outlets:
            event = context["outlet_events"][asset]
            event.extra = said
            if self.partition:
                event.add_partitions(self.partition)
        return said[self.take] if self.take else said


class WebtextSensor(_Webtext, BaseSensorOperator):
    """Asks a command again and again until it does not say no any more."""

    ui_color = "#fff2cc"

    def poke(self, context: Context) -> PokeReturnValue:
        """One question; what the command found goes to XCom once the answer is yes."""
        try:
            return PokeReturnValue(is_done=True, xcom_value=self._run())
        except AnswerIsNo:
            return PokeReturnValue(is_done=False)


def _judge(code: int, name: str, tail: str) -> None:
    """Raises what an exit code means."""
    if code == WRONG_SETTING:
        raise AirflowFailException(f"{name}: {tail}")
    if code == ANSWER_IS_NO:
        raise AnswerIsNo(f"{name}: {tail}")
    # A shell in between says 128 + signal.
    number = -code if code < 0 else code - 128
    if number in signal.valid_signals():
        raise CommandKilled(f"{name} was ended by {signal.Signals(number).name}: {tail}")
    if code:
        raise CommandFailed(f"{name} ended with {code}: {tail}")
