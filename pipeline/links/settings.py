"""Settings of the links stage."""

from __future__ import annotations

from pipeline.settings import Settings


class LinksSettings(Settings):
    """The `[links]` section of a recipe."""
