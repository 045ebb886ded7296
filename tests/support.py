"""What several test files use."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil

_Result = TypeVar("_Result")

PROJECT = Path(__file__).resolve().parent.parent
#: PYTHONPATH of processes that import what is in tests/; else tests/trainer would hide trainer.
TESTS_PATH = os.pathsep.join([str(PROJECT), str(PROJECT / "tests")])

#: The `webtext` fixture: runs the command, gives its exit code and merged output.
Run = Callable[..., subprocess.CompletedProcess[str]]


def local_workers(pid: int) -> list[psutil.Process]:
    """The local workers of a build by process `pid`: children of a fork server of its own."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # one that has just ended
            if "forkserver" in " ".join(child.cmdline()) and child.ppid() != pid:
                found.append(child)
    return found


def sample_settings(root: Path, replay: str) -> list[str]:
    """The overrides that build the sample into `root` with the pages of the server `replay`."""
    return ["--set", f"corpus.root={root}", "--set", f"pages.via={replay}"]


#: Below the ports that systems give out by themselves; each process begins somewhere else.
_PORTS = itertools.count(10_000 + os.getpid() * 97 % 20_000)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, and that nobody is given before they are used."""
    ports: list[int] = []
    while len(ports) < count:
        port = next(_PORTS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            ports.append(port)
    return ports


def wait_for_port(port: int, server: subprocess.Popen[bytes]) -> None:
    """Waits until a server listens on a port of this machine."""
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        assert server.poll() is None, "the server ended"
        time.sleep(0.1)


def kill_when(there: Callable[[], bool], work: Callable[[Any], object], unit: object) -> None:
    """Does a unit of work in a process of its own, which is killed as soon as `there` says so."""
    child = multiprocessing.get_context("spawn").Process(target=work, args=(unit,))
    child.start()
    while not there():
        assert child.is_alive()
        time.sleep(0.002)
    child.kill()
    child.join()


def in_new_process(work: Callable[..., _Result], *arguments: object) -> _Result:
    """What `work` gives in a process whose memory nothing has used before."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


#: A sentence of each of many scripts, with digits, signs and joined characters.
SCRIPTS = [
    "Hello, world! 3.14 and 1e-9.",
    "Γειά σου Κόσμε. Ένα δύο.",
    "Привет, мир! Ёжик.",
    "你好，世界。這是句子。",
    "こんにちは世界。カタカナ！",
    "안녕하세요 세계.",
    "مرحبا بالعالم. كيف حالك؟",
    "שלום עולם. מה שלומך?",
    "नमस्ते दुनिया। यह वाक्य है।",
    "สวัสดีชาวโลก ภาษาไทย",
    "Բարեւ աշխարհ։ გამარჯობა მსოფლიო.",
    "வணக்கம் உலகம். ಹಲೋ ವಿಶ್ವ.",
    "ሰላም ልዑል። ᏣᎳᎩ",
    "👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301 \u200b zero width, \ufeff mark",
    "tabs\tand  spaces   \n\n\n  indented\r\nline ends \u00a0 \u3000 end",
]
