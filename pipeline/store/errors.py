"""Errors that a person reads: what failed and where in one sentence, what to do in another."""

from __future__ import annotations

import errno

NO_SPACE = "Free some space and run the same command again: it goes on where it stopped"
#: What the system refuses, and what helps.
_REMEDIES = {
    errno.EACCES: "Change its permissions, or name another place",
    errno.EPERM: "Change its permissions, or name another place",
    errno.EROFS: "Name a place that can be written to",
    errno.ENOENT: "Check the path",
    errno.ENOTDIR: "A part of the path is a file: name another place",
    errno.EISDIR: "It is a folder: name a file",
    errno.EEXIST: "Name another place",
    errno.ENAMETOOLONG: "Name a shorter path",
    errno.ELOOP: "Its symbolic links lead in a circle: mend them",
    errno.ENOSPC: NO_SPACE,
    errno.EDQUOT: NO_SPACE,
    errno.EMFILE: "Allow more open files (ulimit -n)",
    errno.ENFILE: "Allow more open files (ulimit -n)",
    errno.EADDRINUSE: "End what listens there, or choose another port",
    errno.ECONNREFUSED: "Start what should answer there, or correct its address",
}


class WebtextError(Exception):
    """Work could not be done; `webtext` prints it in one line and exits with 1.

    `what` names the thing that failed and the place (file, line, host);
    `remedy` says what the reader can do about it.
    """

    exit_code = 1

    def __init__(self, what: str, remedy: str) -> None:
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


def system_error(error: OSError) -> WebtextError | None:
    """What the system refused, with what helps; None where it gives no reason that we know."""
    if error.errno not in _REMEDIES:
        return None
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return (FullDiskError if full else WebtextError)(reason(error), _REMEDIES[error.errno])


def reason(error: Exception) -> str:
    """What an error says; of one of the system, the files and the reason without its number."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    paths = [str(name) for name in (error.filename, error.filename2) if name]
    return f"{' -> '.join(paths)}: {error.strerror}" if paths else error.strerror
