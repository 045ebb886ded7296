"""Whether a `webtext` command line that docs and deployment files show is one that exists."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Any

from forks import run_python
from support import PROJECT
from typer.main import get_command

from pipeline.cli import whole_app


@functools.cache
def help_of(*subcommand: str) -> str:
    """The help page of a subcommand; empty where there is none."""
    environment = {"COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb", "PATH": "/usr/bin:/bin"}
    command = ("-m", "pipeline", *subcommand, "--help")
    done = run_python(*command, folder=PROJECT, environment=environment)
    return done.stdout if done.returncode == 0 else ""


def leaf_commands() -> list[str]:
    """All subcommands that do something, those of groups with their group's name."""

    def names(command: Any, before: str) -> Iterator[str]:
        if not hasattr(command, "commands"):
            yield before.strip()
            return
        for name, inner in command.commands.items():
            yield from names(inner, f"{before} {name}")

    return list(names(get_command(whole_app()), ""))


def check_webtext(arguments: Sequence[str]) -> None:
    """Raises AssertionError for a subcommand or an option that `webtext` does not have."""
    ours = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    whole = help_of()
    while ours and ours[0].startswith("--"):  # options before the subcommand
        found = re.search(rf"{re.escape(ours[0])}\b +([A-Z]{{2,}}\b)?", whole)
        assert found, f"no option {ours[0]}"
        del ours[: 2 if found[1] else 1]
    if not ours:
        return
    subcommand = [ours[0]]
    said = help_of(*subcommand)
    assert said, f"webtext {ours[0]} does not exist"
    if "COMMAND [ARGS]" in said:
        subcommand.append(ours[1])
        said = help_of(*subcommand)
        assert said, f"webtext {' '.join(subcommand)} does not exist"
    for word in ours[1:]:
        if word.startswith("--"):
            option = word.split("=")[0]
            assert re.search(rf"(^|[\s,]){re.escape(option)}\b", said), f"no option {option}"
