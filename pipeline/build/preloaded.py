"""All that the workers of a build import, and the model of languages, by one import.

The fork server of local workers imports it (`engine/runners/fork_server.py`).
"""

from __future__ import annotations

from importlib import import_module

from pipeline.store.language import identify

import_module("pipeline.engine.sink")
for _stage in ("documents", "quality", "dedup"):
    import_module(f"pipeline.{_stage}.steps")
import_module("datasketch")  # which signing imports when it begins
identify("This loads the model.")
