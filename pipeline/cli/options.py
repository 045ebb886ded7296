"""Arguments and options that several subcommands of `webtext` share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipeline.store.corpus import Corpus

RecipeArgument = Annotated[str, typer.Argument(help="A TOML file, or the name of a bundled recipe")]
RootArgument = Annotated[str, typer.Argument(help="The corpus: a folder or an address (s3://…)")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Overrides a setting: --set links.min_karma=5"),
]
IntervalOption = Annotated[str | None, typer.Option(help="The interval, such as 2024-01")]


def overrides(given: dict[str, str | int | None]) -> list[str]:
    """Options that stand for a setting, as overrides."""
    return [f"{name}={json.dumps(value)}" for name, value in given.items() if value is not None]


def corpus_at(root: str) -> Corpus:
    """The corpus at a root; WebtextError where there is none."""
    from pipeline.store.corpus import Corpus

    corpus = Corpus(root)
    corpus.check_there()
    return corpus


def leave_card(corpus: Corpus) -> None:
    """The dataset card; says so where another README is in its place."""
    from pipeline.views.card import CARD, write_card

    if write_card(corpus) is None:
        typer.echo(f"{corpus.root}/{CARD} is not of webtext's making and stays as it is.")
