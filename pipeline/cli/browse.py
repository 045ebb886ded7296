"""`webtext browse`: a corpus as web pages on this machine."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import RootArgument, corpus_at
from pipeline.store.result import Result

_RUNS = "runs"


def browse(
    root: RootArgument,
    runs: Annotated[
        str | None, typer.Option(help="Training runs to show; else the folder runs, if it is there")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free")] = 0,
    index: Annotated[
        str | None, typer.Option(help="Keeps the search index in this folder; else none is kept")
    ] = None,
    window: Annotated[
        bool, typer.Option("--open", help="Also open the address in the web browser")
    ] = False,
) -> Result:
    """Look at a corpus and its runs in the web browser: search, filter, compare, try thresholds.

    The address works on this machine alone, for whoever has it, and nothing is changed. Ctrl-C
    ends it.
    """
    import asyncio
    import tempfile
    import webbrowser

    from pipeline.browse.server import serve
    from pipeline.browse.site import BrowsedCorpus

    corpus = corpus_at(root)

    def say(address: str) -> None:
        typer.echo(f"{address}  (Ctrl-C ends it)", err=True)  # also with --json
        if window:
            webbrowser.open(address)

    with ExitStack() as stack:
        folder = index or stack.enter_context(tempfile.TemporaryDirectory(prefix="webtext-browse-"))
        runs = runs or (_RUNS if os.path.isdir(_RUNS) else None)
        asyncio.run(serve(BrowsedCorpus(corpus, Path(folder), runs), port, say))
    return Result({"root": root})


def add_commands(app: typer.Typer) -> None:
    """Adds it to the command."""
    app.command()(browse)
