"""Starts the `webtext` command as a fork of a process that has imported all it needs.

A fresh Python spends two to four seconds of a processor on importing Beam and PyTorch, a fork of
one that has done so a few hundredths.  What is forked is a process of its own all the same, with
its own folder, environment, output and exit code: it starts others, it can be killed, and it ends
as any Python does.  Only what Python or a library reads once, when it starts (PYTHONPATH,
PYTHONHASHSEED, OMP_NUM_THREADS), does not reach it.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
import types
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Imported before the first fork: they import the rest of the house and its libraries.
PRELOADED = (
    "pyarrow.dataset",
    "pipeline.build.build",
    "pipeline.cli",
    "pipeline.engine.runners.cluster",
    "pipeline.engine.runners.open",
    "pipeline.engine.sink",
    *(
        f"pipeline.{stage}.steps"
        for stage in ("links", "pages", "documents", "quality", "dedup", "tokens")
    ),
    "pipeline.pages.archive_lookup",
    "pipeline.views.card",
    "pipeline.views.report",
    "trainer.cli",
    "trainer.loop.train",
)


class Command:
    """A Python that was started: what tests use of `subprocess.Popen`.

    It leads a session, so that `os.killpg` reaches all that it starts, and what it writes on
    both streams goes to one file.  It is killed when nobody holds this object any more.
    """

    def __init__(
        self, *arguments: str, folder: str | Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.arguments = arguments
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  # as long as this object
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(_address())
        order = {
            "arguments": arguments,
            "folder": str(folder),
            "environment": {**(os.environ if environment is None else environment)},
        }
        words = json.dumps(order).encode() + b"\n"
        sent = socket.send_fds(self._connection, [words], [self._output.fileno()])
        self._connection.sendall(words[sent:])
        self._answers = self._connection.makefile()
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None

    def wait(self) -> int:
        """Waits for its end; returns its exit code, or minus the signal that ended it."""
        if self.returncode is None:
            self.returncode = int(self._answers.readline())
        return self.returncode

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""
        if self.returncode is None and not select.select([self._connection], [], [], 0)[0]:
            return None
        return self.wait()

    def send_signal(self, number: int) -> None:
        """Sends it a signal."""
        os.kill(self.pid, number)

    def output(self) -> str:
        """What it has written so far."""
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size, 0).decode(errors="replace")


def run_python(
    *arguments: str, folder: str | Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs `python ARGUMENTS` (-m or -c) to its end."""
    command = Command(*arguments, folder=folder, environment=environment)
    code = command.wait()
    return subprocess.CompletedProcess(["python", *arguments], code, command.output())


@functools.cache
def _address() -> str:
    """The socket of the process that forks; one for a test process, with which it ends."""
    address = f"{tempfile.mkdtemp(prefix='forks')}/socket"
    server = subprocess.Popen(
        [sys.executable, "-P", __file__, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert server.stdout is not None and server.stdout.read(1) == b"."
    _servers.append(server)  # its standard input closes with this process
    return address


_servers: list[subprocess.Popen[bytes]] = []


def _serve(address: str) -> dict[str, Any]:
    """Forks for each order; returns it in the process that is to carry it out."""
    atexit.register(_leave)  # the first that is registered is the last that is called
    for module in PRELOADED:
        importlib.import_module(module)
    gc.freeze()  # what never changes stays in memory that all forks share
    ended, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken)
    commands: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        os.write(1, b".")
        while True:
            ready = select.select([listener, 0, ended, *commands.values()], [], [])[0]
            if 0 in ready:
                sys.exit()
            if ended in ready:
                os.read(ended, 1 << 16)
            _answer(commands, ready)
            if listener in ready and (order := _fork(listener.accept()[0], commands)):
                return order


def _answer(commands: dict[int, socket.socket], ready: list[Any]) -> None:
    """Says the exit codes of the commands that have ended; kills those nobody waits for."""
    for pid, connection in [*commands.items()]:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            with contextlib.suppress(BrokenPipeError):
                connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
            commands.pop(pid).close()
        elif connection in ready:  # the other side is closed, for it sends one order alone
            os.killpg(pid, signal.SIGKILL)


def _fork(connection: socket.socket, commands: dict[int, socket.socket]) -> dict[str, Any] | None:
    """Starts the process that carries out an order; returns it there, and None in the server."""
    words, (output,), _, _ = socket.recv_fds(connection, 1 << 20, 1)
    while not words.endswith(b"\n"):
        words += connection.recv(1 << 20)
    with warnings.catch_warnings():
        # Python 3.12 warns of threads: those there are (of pyarrow's allocator) survive a fork.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        os.close(output)
        connection.sendall(f"{pid}\n".encode())
        commands[pid] = connection
        return None
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    order: dict[str, Any] = json.loads(words)
    return order


def _carry_out(order: dict[str, Any]) -> None:
    """What `python ARGUMENTS` does with -m or -c."""
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    kind, what, *rest = order["arguments"]
    sys.argv = [what if kind == "-m" else kind, *rest]
    try:
        if kind == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            sys.modules["__main__"] = types.ModuleType("__main__")
            exec(what, sys.modules["__main__"].__dict__)
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            print(leaving.code, file=sys.stderr)
        _exit_code.append(leaving.code if isinstance(leaving.code, int) else bool(leaving.code))
    except BaseException:
        traceback.print_exc()
        _exit_code.append(1)


_exit_code = [0]


def _leave() -> None:
    """Ends a process whose threads have ended and whose exit handlers have run.

    Taking all modules apart, as Python does next, would cost as much as importing them.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(_exit_code[-1])


if __name__ == "__main__":
    _carry_out(_serve(sys.argv[1]))
