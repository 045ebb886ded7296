"""Runner profiles: which Beam runner carries a build, and its options."""

from __future__ import annotations

from pipeline.settings import Settings


class RunnerSettings(Settings):
    """The `[runner]` section of a recipe."""
