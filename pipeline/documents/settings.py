"""Settings of the documents stage."""

from __future__ import annotations

from pipeline.settings import Settings


class DocumentsSettings(Settings):
    """The `[documents]` section of a recipe."""
