"""Settings of the dedup stage."""

from __future__ import annotations

from pipeline.settings import Settings


class DedupSettings(Settings):
    """The `[dedup]` section of a recipe."""
