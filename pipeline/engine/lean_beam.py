"""Imports Beam without what it brings along where that is installed, and nothing here uses.

Beam imports pandas for the types of data frames, and the driver of MongoDB for its source, if they
are there.  That is a quarter of the start of a build and of its workers.
"""

from __future__ import annotations

import sys
from importlib import import_module

_UNUSED = ("pandas", "pymongo", "bson")


def import_beam() -> None:
    """As if they were not installed, unless somebody has imported them already.

    Afterwards they can be imported as ever.  Where Beam is imported already nothing is hidden, not
    even for a moment: a thread may be importing one of them.
    """
    if "apache_beam" in sys.modules:
        return
    hidden = [name for name in _UNUSED if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # its import is an ImportError
    try:
        import_module("apache_beam")
    finally:
        for name in hidden:
            del sys.modules[name]
