"""What several test files use."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent

#: The `webtext` fixture: runs the command, gives its exit code and merged output.
Run = Callable[..., subprocess.CompletedProcess[str]]


def sample_settings(root: Path, replay: str) -> list[str]:
    """The overrides that build the sample into `root` with the pages of the server `replay`."""
    return ["--set", f"corpus.root={root}", "--set", f"pages.via={replay}"]
