"""Code that is read at a sitting: how long files and functions may be."""

from __future__ import annotations

import ast
from collections import defaultdict

import pytest
from support import PROJECT

#: In lines, docstrings and comments among them.
LONGEST_FILE = 350
LONGEST_FUNCTION = 50


@pytest.mark.parametrize("top", ["pipeline", "trainer", "dags", "docker"])
def test_files_and_functions_are_read_at_a_sitting(top: str) -> None:
    long = []
    for path in sorted((PROJECT / top).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > LONGEST_FILE:
            long.append(str(path))
        long += [
            f"{path}: {node.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
        ]
    assert long == []


def test_a_class_name_is_one_class() -> None:
    """Whoever meets a name finds what it is at one place."""
    classes = defaultdict[str, list[str]](list)
    for top in ("pipeline", "trainer"):
        for path in sorted((PROJECT / top).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    classes[node.name].append(f"{path.relative_to(PROJECT)}:{node.lineno}")
    assert {name: places for name, places in classes.items() if len(places) > 1} == {}
