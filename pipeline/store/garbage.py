"""How often Python looks for garbage in a process that imports much."""

from __future__ import annotations

import gc

#: Objects that are made between two looks.  Of what is imported nothing ever is garbage, and by
#: Python's default, 700, a fifth of the time of an import goes into looking.
_COLLECT_EVERY = 50_000


def collect_seldom() -> None:
    """From now on, in this process and those that are forked from it."""
    gc.set_threshold(_COLLECT_EVERY)
