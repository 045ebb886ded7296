"""Loaded by dask workers as they start: libraries' warnings do not flood the terminal."""

from __future__ import annotations

import logging
import warnings


def dask_setup(worker: object) -> None:
    """Called by dask with the new worker."""
    logging.getLogger().setLevel(logging.CRITICAL)  # errors travel back and are shown once
    if not logging.getLogger("distributed").isEnabledFor(logging.INFO):
        # Dask gives its own loggers levels of theirs.  SSHCluster reads what they say, so it
        # has them talk.
        logging.disable(logging.ERROR)
    warnings.simplefilter("ignore")
