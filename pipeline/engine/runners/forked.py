"""What the fork server imports before all else: it warns of nothing and heeds no Ctrl-C.

The process that started it does both, and ends it.
"""

from __future__ import annotations

import logging
import signal
from importlib import import_module

from pipeline.engine.lean_beam import import_beam
from pipeline.store.garbage import collect_seldom

logging.getLogger().setLevel(logging.ERROR)  # Beam warns of clouds that are not used
signal.signal(signal.SIGINT, signal.SIG_IGN)
collect_seldom()
# First, while the root logger has no handler: once a warning of Beam's has given it one, dask's own
# loggers leave theirs to it, and what workers say of themselves is shown.
import_module("distributed")
import_beam()
