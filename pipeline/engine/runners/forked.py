"""What the fork server imports before all else: it warns of nothing and heeds no Ctrl-C.

The process that started it does both, and ends it.
"""

from __future__ import annotations

import gc
import logging
import signal

logging.getLogger().setLevel(logging.ERROR)  # Beam warns of clouds that are not used
gc.set_threshold(50_000)  # as in the command `build`: nothing of what is imported is garbage
signal.signal(signal.SIGINT, signal.SIG_IGN)
