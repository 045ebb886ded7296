"""`--json`: any subcommand prints its answer as JSON, and nothing else on standard output.

What the subcommand says to people is left out then; errors and progress go to standard error as
always.  The answer is what `--result FILE` writes.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
from collections.abc import Callable
from typing import Annotated, Any

import typer

from pipeline.store.result import Result

_OPTION = inspect.Parameter(
    "as_json",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[
        bool, typer.Option("--json", help="Print the answer as JSON and nothing else")
    ],
)


def offer_json(app: typer.Typer) -> None:
    """Gives the option to all subcommands, also to those of groups."""
    for command in app.registered_commands:
        if command.callback is not None:
            command.callback = _with_json(command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            offer_json(group.typer_instance)


def _with_json(command: Callable[..., Result | None]) -> Callable[..., Result | None]:
    """The subcommand with one option more; its other options stay as they are."""

    @functools.wraps(command)
    def answering(*given: Any, as_json: bool = False, **named: Any) -> Result | None:
        if not as_json:
            return command(*given, **named)
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            answer = command(*given, **named)
        if answer is not None:
            typer.echo(answer.to_json().decode(), nl=False)
        return answer

    own = inspect.signature(command, eval_str=True)
    parameters = [*own.parameters.values(), _OPTION]
    answering.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    answering.__annotations__ = {one.name: one.annotation for one in parameters}
    return answering
