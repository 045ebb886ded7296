"""Machines for tests of clusters: network namespaces on a bridge, with nothing in common.

Each has an address and a `/tmp` of its own, a small file system in memory that hides
everybody else's.  What they share is the installed code, as machines of one image do.
No namespace has a way out: what is not on the bridge cannot be reached.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
from support import PROJECT

_NETWORK = "10.88.0"
_TMP = "256m"
Seen = TypeVar("Seen")
#: Runs a command in a machine: first its own /tmp takes the place of everybody's.
_ENTER = 'mount --bind "$0" /tmp && exec "$@"'


@dataclass
class Machine:
    """One namespace; `disk` is its `/tmp`, seen from outside."""

    name: str
    namespace: str
    address: str
    disk: Path
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, command: Sequence[str]) -> list[str]:
        """The command line that runs `command` there."""
        return ["ip", "netns", "exec", self.namespace, "sh", "-c", _ENTER, str(self.disk), *command]

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Starts a process there, in a group of its own; output is merged."""
        return subprocess.Popen(
            self.command(command),
            cwd=PROJECT,
            env={**os.environ, "HOME": "/tmp", **self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def log(self, name: str, *command: str, **environment: str) -> Path:
        """Starts a process there that lives as long as the machine; the file of its output."""
        file = self.disk.parent / f"{self.namespace}-{name}.log"
        with file.open("a") as output:
            subprocess.Popen(
                self.command(command),
                cwd=PROJECT,
                env={**os.environ, "HOME": "/tmp", **self.environment, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return file

    def run(self, *command: str, **environment: str) -> tuple[int, str]:
        """Runs a process there; its exit code and merged output."""
        process = self.start(*command, **environment)
        try:
            said = process.communicate()[0]
        finally:
            process.kill()
        return process.returncode, said

    def processes(self, part: str = "") -> list[psutil.Process]:
        """The processes there whose command line has `part` in it, oldest first."""
        listed = _ip("netns", "pids", self.namespace, check=False).split()
        found = []
        for number in listed:
            try:
                process = psutil.Process(int(number))
                if part in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue  # it ended while it was looked at
        return sorted(found, key=lambda process: process.create_time())

    def used(self, part: str) -> dict[int, float]:
        """{pid: processor seconds} of the processes there whose command line has `part` in it."""
        seconds = {}
        for process in self.processes(part):
            with suppress(psutil.Error):
                seconds[process.pid] = process.cpu_times().user
        return seconds

    def kill(self, part: str = "") -> None:
        """Kills the processes there whose command line has `part` in it; waits for their end."""
        found = self.processes(part)
        for process in found:
            process.kill()
        psutil.wait_procs(found)

    def link(self, state: str) -> None:
        """Takes the network cable out (`down`) or puts it in again (`up`)."""
        _ip("-n", self.namespace, "link", "set", "eth0", state)

    def fill(self) -> None:
        """Fills the disk to the last byte."""
        with (self.disk / "filler").open("wb", buffering=0) as stream:
            try:
                while stream.write(b"\0" * 65536):
                    pass
            except OSError:
                return

    def free(self) -> None:
        """Takes back what `fill` wrote."""
        (self.disk / "filler").unlink()


def _ip(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def network(folder: Path, *names: str) -> Iterator[dict[str, Machine]]:
    """Makes machines of these names on one bridge; ends all their processes with the block."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root and iproute2 to make network namespaces")
    mark = f"wt{os.getpid()}"
    machines: dict[str, Machine] = {}
    hub = f"{mark}-hub"
    try:
        try:
            _ip("netns", "add", hub)
            _ip("-n", hub, "link", "add", "bridge", "type", "bridge")
        except OSError as error:
            pytest.skip(f"this machine does not let tests make network namespaces: {error}")
        _ip("-n", hub, "link", "set", "bridge", "up")
        for name, number in zip(names, itertools.count(2)):
            address, disk = f"{_NETWORK}.{number}", folder / f"{name}-disk"
            machine = Machine(name, f"{mark}-{name}", address, disk)
            machines[name] = machine
            _plug(machine, hub, f"port{number}")
        yield machines
    finally:
        for machine in machines.values():
            machine.kill()
            subprocess.run(["umount", "--lazy", str(machine.disk)], check=False)
            _ip("netns", "del", machine.namespace, check=False)
        _ip("netns", "del", hub, check=False)


def _plug(machine: Machine, hub: str, port: str) -> None:
    """Makes the namespace, its disk, and its cable to the bridge."""
    machine.disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_TMP}", "tmpfs", str(machine.disk)]
    subprocess.run(mount, check=True)
    _ip("netns", "add", machine.namespace)
    _ip("-n", hub, "link", "add", port, "type", "veth", "peer", "eth0", "netns", machine.namespace)
    _ip("-n", hub, "link", "set", port, "master", "bridge", "up")
    _ip("-n", machine.namespace, "link", "set", "lo", "up")
    _ip("-n", machine.namespace, "address", "add", f"{machine.address}/24", "dev", "eth0")
    _ip("-n", machine.namespace, "link", "set", "eth0", "up")


def wait_for(look: Callable[[], Seen | None]) -> Seen:
    """Looks until something is there, and gives it."""
    while not (found := look()):
        time.sleep(0.1)
    return found
