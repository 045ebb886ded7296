"""Settings of the quality stage."""

from __future__ import annotations

from pipeline.settings import Settings


class QualitySettings(Settings):
    """The `[quality]` section of a recipe."""
