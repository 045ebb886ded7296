"""Errors that a person reads: what failed and where in one sentence, what to do in another."""

from __future__ import annotations


class WebtextError(Exception):
    """Work could not be done; `webtext` prints it in one line and exits with 1.

    `what` names the thing that failed and the place (file, line, host);
    `remedy` says what the reader can do about it.
    """

    exit_code = 1

    def __init__(self, what: str, remedy: str = "") -> None:
        # Both go to Exception.args, so that the error survives pickling between processes.
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        end = "" if self.what.endswith((".", "?")) else "."
        return f"{self.what}{end} {self.remedy}" if self.remedy else self.what


class FullDiskError(WebtextError):
    """Disk or quota are full.  What is written stays, and the next run goes on from it."""


class SettingError(WebtextError):
    """A setting is wrong; `webtext` exits with 2."""

    exit_code = 2
