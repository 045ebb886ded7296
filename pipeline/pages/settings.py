"""Settings of the pages stage."""

from __future__ import annotations

from pipeline.settings import Settings


class PagesSettings(Settings):
    """The `[pages]` section of a recipe."""
