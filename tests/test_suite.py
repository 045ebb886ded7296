"""The tests themselves: all are collected."""

from __future__ import annotations

from fnmatch import fnmatch

import pytest
from support import PROJECT


def test_no_folder_of_tests_is_left_out(pytestconfig: pytest.Config) -> None:
    """pytest enters no folder whose name is on its list, which as it comes names `build`."""
    tests = PROJECT / "tests"
    folders = {
        part for file in tests.rglob("test_*.py") for part in file.relative_to(tests).parts[:-1]
    }
    left_out = pytestconfig.getini("norecursedirs")
    assert "build" in folders
    assert not [name for name in folders if any(fnmatch(name, one) for one in left_out)]
