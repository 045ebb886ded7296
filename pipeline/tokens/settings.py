"""Settings of the tokens stage."""

from __future__ import annotations

from pipeline.settings import Settings


class TokensSettings(Settings):
    """The `[tokens]` section of a recipe."""
