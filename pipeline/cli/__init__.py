"""The `webtext` command: one thin function a subcommand.

Beam and torch are imported inside the functions, so that `webtext --help` and
wrong settings answer at once.  Each subcommand returns a `Result`; only here is it written
to `--result FILE`, and only here does an error become one line and an exit code.
"""

from __future__ import annotations

import atexit
import functools
import logging
import os
import sys
import traceback
from typing import Annotated, Any

import typer

import pipeline
from pipeline.cli import browse, builds, plans, settings, share, views
from pipeline.cli.as_json import offer_json
from pipeline.cli.errors import explain
from pipeline.store import files
from pipeline.store.errors import SettingError
from pipeline.store.registry import entries_of
from pipeline.store.result import Result

_DEBUG = "--debug"


def _finish(answer: Result | None, result: str, **_: Any) -> int:
    """Writes what a subcommand returned; gives the exit code.

    Of the processes of a parallel training only the first one has an answer.
    """
    if answer is None:
        return 0
    if result:
        files.write_bytes(result, answer.to_json())
    return answer.exit_code


app = typer.Typer(
    name="webtext",
    help="From Reddit links to a trained language model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    result_callback=_finish,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"webtext {pipeline.__version__}")
        raise typer.Exit


def _result_file(path: str) -> str:
    """Refuses a place that cannot be written now, not after hours; removes an older answer."""
    if path and not files.is_remote(path) and os.path.isdir(files.local_path(path)):
        raise SettingError(f"--result {path} is a folder", "Give the name of a file")
    if path:
        folder = files.local_path(path).rpartition("/")[0]
        if not files.is_remote(path) and folder:
            files.make_folder(folder)
        files.remove(path)
    return path


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option(_DEBUG, help="Show the traceback of an error")] = False,
    result: Annotated[
        str,
        typer.Option(
            metavar="FILE", callback=_result_file, help="Also write the answer to FILE, as JSON"
        ),
    ] = "",
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version")
    ] = False,
) -> None:
    """Options before the subcommand; `main` reads --debug, `_finish` --result."""


for _part in (builds, plans, views, browse, share, settings):
    _part.add_commands(app)


@functools.cache
def whole_app() -> typer.Typer:
    """The command with the subcommands of other packages (the trainer), by entry point."""
    for entry in entries_of("webtext.commands"):
        entry.load()(app)
    offer_json(app)
    return app


def main(arguments: list[str] | None = None) -> None:
    """Runs the command and exits: 0 when the work is done, 3 when the answer is no.

    2 is for a wrong setting or a wrong call, 1 for work that could not be done; both are
    told in one line on standard error.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = _DEBUG in arguments
    if not debug:
        logging.getLogger().setLevel(logging.ERROR)  # Beam warns of clouds that are not used
    try:
        code: Any = whole_app()(args=arguments, prog_name="webtext", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            traceback.print_exception(error)
        line, code = explain(error)
        if line:
            typer.echo(f"webtext: {line}", err=True)
    sys.exit(code)


def command() -> None:
    """`main` for a process of its own: at its end nothing that was imported is taken apart.

    Python would take a third of a second for it.  What is registered for the end later than here,
    such as the removal of temporary folders, comes before.
    """
    code = 1
    atexit.register(lambda: _leave(code))
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise


def _leave(code: int) -> None:
    """Ends the process, unless there is something to tell of its output, which Python does."""
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except OSError:
        return
    os._exit(code)
