"""Beam comes without what nothing here uses, and that can be imported afterwards."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

_SCRIPT = """
import sys
from pipeline.engine.lean_beam import import_beam
{before}
import_beam()
assert "apache_beam" in sys.modules
print("pandas" in sys.modules, sys.modules.get("pandas", True) is not None)
import pandas
"""


@pytest.mark.skipif(find_spec("pandas") is None, reason="pandas is not installed")
@pytest.mark.parametrize(("before", "there"), [("", False), ("import pandas", True)])
def test_beam_does_without_pandas_that_nobody_has_imported(before: str, there: bool) -> None:
    command = [sys.executable, "-W", "ignore", "-c", _SCRIPT.format(before=before)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(there), "True"]
