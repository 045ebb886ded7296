"""Subcommands of `webtext` that send a corpus elsewhere."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from pipeline.cli.options import RootArgument, corpus_at
from pipeline.store.result import Result


def push(
    root: RootArgument,
    address: Annotated[str, typer.Argument(help="hf://datasets/USER/NAME")],
    stages: Annotated[
        list[str] | None, typer.Option("--stage", help="What goes: corpus, tokens, links, …")
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="A new repository is for its owner alone")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would go, and change nothing there")
    ] = False,
) -> Result:
    """Send the texts and their card to the Hugging Face Hub, as a data set that others load.

    Without --stage the stage corpus goes: texts and decisions. The token is that of
    `hf auth login`, or HF_TOKEN.
    """
    from pipeline.store.hub import describe
    from pipeline.views.push import push_corpus

    pushed = push_corpus(
        corpus_at(root),
        address,
        stages or ["corpus"],
        private=private,
        dry_run=dry_run,
        say=typer.echo,
    )
    for line in describe(pushed):
        typer.echo(line)
    return Result(asdict(pushed))


def add_commands(app: typer.Typer) -> None:
    """Adds it to the command."""
    app.command()(push)
