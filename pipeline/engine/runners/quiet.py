"""Loaded by dask workers as they start: warnings stay off the terminal, and Beam is there."""

from __future__ import annotations

import logging
import warnings
from importlib import import_module


def dask_setup(worker: object) -> None:
    """Called by dask with the new worker, before its first task."""
    logging.getLogger().setLevel(logging.CRITICAL)  # errors travel back and are shown once
    if not logging.getLogger("distributed").isEnabledFor(logging.INFO):
        # Dask gives its own loggers levels of theirs.  SSHCluster reads what they say, so it
        # has them talk.
        logging.disable(logging.ERROR)
    warnings.simplefilter("ignore")
    import_module("apache_beam.runners.portability.fn_api_runner.fn_runner")
