"""What is installed and decides the bytes that stages write: packages, and our own code.

A manifest names them, so that a difference between two corpora can be traced; all workers of a
cluster must have the same.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pipeline

_NAME = re.compile(r"[A-Za-z0-9._-]+")
#: Ours by way of trafilatura and Beam, and what reads PDF files where it is installed.
_BELOW = ("cloudpickle", "courlan", "htmldate", "jusText", "pypdfium2")


@cache
def deciding() -> tuple[str, ...]:
    """Names of packages, sorted: all that this one requires, and some that those bring."""
    lines = [line for line in requires("webtext") or [] if "extra ==" not in line]
    needed = {match[0] for line in lines if (match := _NAME.match(line))}
    return tuple(sorted({*needed, *_BELOW, "webtext"}, key=str.lower))


@cache
def versions() -> dict[str, str]:
    """Version of each package that decides bytes, `missing` for one that is not installed.

    Under `webtext` the version is followed by a hash of this package's files: code, the
    extractor's model, lists of words and domains.
    """
    installed = {name: _version(name) for name in deciding()}
    return installed | {"webtext": f"{installed['webtext']}+{_code_digest()}"}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _code_digest() -> str:
    folder = Path(pipeline.__file__).parent
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
