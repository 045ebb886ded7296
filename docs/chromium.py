"""Drives a headless Chromium over its DevTools pipe: for the pictures in the docs, and for tests.

Commands are those of https://chromedevtools.github.io/devtools-protocol/.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

_OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--remote-debugging-pipe"
).split()


@dataclass
class Tab:
    """A page of the browser."""

    commands: IO[bytes]
    answers: IO[bytes]
    session: str = ""
    #: (method, parameters) of what happened while answers were waited for.
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _number: int = 0

    def send(self, method: str, **values: Any) -> dict[str, Any]:
        """Sends a command and gives its result; RuntimeError where the browser refuses it."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": values}
        if self.session:
            message["sessionId"] = self.session
        self.commands.write(json.dumps(message).encode() + b"\0")
        self.commands.flush()
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def look(self, width: int, height: int, *, dark: bool = False) -> None:
        """The size of the window, and the theme."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, address: str) -> None:
        """Opens an address and waits until all of it is loaded."""
        self.events.clear()
        self.send("Page.navigate", url=address)
        self.wait("Page.loadEventFired")

    def wait(self, method: str) -> None:
        """Waits for an event that came since the last address was opened, or comes."""
        while not any(name == method for name, _ in self.events):
            self._next()

    def evaluate(self, script: str) -> Any:
        """The value of a piece of JavaScript in the page, awaited."""
        result = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def press(self, key: str) -> None:
        """A key, down and up."""
        text = {"text": key} if len(key) == 1 else {"code": key, "windowsVirtualKeyCode": 13}
        if key == "Enter":
            text["text"] = "\r"
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, **text)

    def picture(self) -> bytes:
        """What is seen, as PNG."""
        data = self.send("Page.captureScreenshot", format="png")["data"]
        return base64.b64decode(data)

    def _next(self) -> dict[str, Any]:
        """The next message; events are kept."""
        data = bytearray()
        while (byte := self.answers.read(1)) != b"\0":
            if not byte:
                raise RuntimeError("Chromium has ended")
            data += byte
        message: dict[str, Any] = json.loads(data)
        if "method" in message:
            self.events.append((message["method"], message.get("params", {})))
        return message


@contextmanager
def chromium(program: str) -> Iterator[Tab]:
    """A tab of a new browser, which ends with the block."""
    ours_in, its_out = os.pipe()
    its_in, ours_out = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # Not by sh: some know descriptors of one digit alone.
        shell = f'exec "$0" "$@" 3<&{its_in} 4>&{its_out}'
        process = subprocess.Popen(
            ["bash", "-c", shell, program, *_OPTIONS, f"--user-data-dir={profile}"],
            pass_fds=(its_in, its_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(its_in)
        os.close(its_out)
        with os.fdopen(ours_out, "wb") as commands, os.fdopen(ours_in, "rb") as answers:
            try:
                tab = Tab(commands, answers)
                target = tab.send("Target.createTarget", url="about:blank")["targetId"]
                attached = tab.send("Target.attachToTarget", targetId=target, flatten=True)
                tab.session = attached["sessionId"]
                for domain in ("Page", "Runtime", "Network", "Log"):
                    tab.send(f"{domain}.enable")
                yield tab
            finally:
                process.terminate()
                process.wait()
