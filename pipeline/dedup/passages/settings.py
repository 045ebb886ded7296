"""Settings of passages: what is cut out of pages because other pages have it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.store.settings import Settings

Bounds = Literal["sentence", "line", "word"]


class PassageSettings(Settings):
    """Passages that a page shares with one that is preferred to it are cut out of it."""

    enabled: bool = False
    """Whether passages are looked for.  docs/dedup.md has what it takes out of real pages."""

    words: int = Field(50, ge=20, le=1000)
    """Least words of a passage, or characters of a script without spaces: the 50 tokens of Lee et
    al. 2022 (arXiv 2107.06499)."""

    bounds: Bounds = "sentence"
    """What is cut of a passage: its whole sentences, its whole lines, or all of its words."""

    most: float = Field(0.8, gt=0.0, le=1.0)
    """A page of whose words more than this share are on others is removed whole: the share of
    n-grams from which on DCLM's BFF removes a document (arXiv 2406.11794)."""

    least: int = Field(50, ge=1)
    """So is a page that has fewer words than this of its own."""
