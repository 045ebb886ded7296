"""Where the `webtext` command starts, before any of its packages is imported.

`pipeline` and `trainer` are common names: another distribution or a folder on PYTHONPATH may
bring its own, and Python takes the first that it finds.  Here that is told in one line.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib import metadata
from pathlib import Path

_HOME = Path(__file__).resolve().parent
_PACKAGES = ("pipeline", "trainer")
#: Our packages name the project in their first line; one that was written over does not.
_MARK = "WebText"


def main() -> None:
    """Runs the command; exits with 1 where one of its packages is another's."""
    # All processes that the command starts find modules as it does, whatever lies in the
    # current folder.
    os.environ["PYTHONSAFEPATH"] = "1"
    for name in _PACKAGES:
        error = _stranger(name)
        if error:
            sys.exit(f"webtext: {error}")
    from pipeline.cli import main as command  # noqa: PLC0415

    command()


def _stranger(name: str) -> str | None:
    """What stands in the place of one of our packages, and what to do; None where it is ours."""
    again = "pip install --force-reinstall webtext"
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return f"Its package {name} is not there. {again}"
    path = Path(spec.origin)
    if path.resolve() != _HOME / name / "__init__.py":
        return f"{path} stands before webtext's own {name}. {_remedy(name)}"
    first, *_ = path.read_text(encoding="utf-8", errors="replace").split("\n", 1)
    if _MARK not in first:
        return f"Another package was installed over {path.parent}. {_remedy(name)}, then {again}"
    return None


def _remedy(name: str) -> str:
    owners = set(metadata.packages_distributions().get(name, [])) - {"webtext"}
    if owners:
        return f"pip uninstall {' '.join(sorted(owners))}"
    return "Take the folder that it lies in out of PYTHONPATH"


if __name__ == "__main__":
    main()
