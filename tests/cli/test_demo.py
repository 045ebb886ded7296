"""What the demo says in the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli.demo import _Shell


def test_a_folder_with_brackets_is_said_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rich takes `[c]` for a style of its own, and leaves it out."""
    _Shell(tmp_path).say("(`webtext` is /home/a b [c]/bin/webtext)")
    assert "/home/a b [c]/bin/webtext" in capsys.readouterr().out
