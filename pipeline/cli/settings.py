"""`webtext settings`: every setting of a recipe, or the schema by which editors complete them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Annotated

import typer

from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.registry import Registry, nearest
from pipeline.store.result import Result
from pipeline.store.setting_docs import SettingDoc, recipe_schema, setting_docs
from pipeline.store.settings import Settings

#: What recipes there are: `build` of a corpus, `train` of a run.
RECIPES = Registry("webtext.recipes", Settings, "kind of recipe")


def settings(
    section: Annotated[
        str | None, typer.Argument(help="Only these, such as links, or quality.gopher")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Only of this kind of recipe: build or train")
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of --recipe (build) instead")
    ] = False,
) -> Result:
    """List every setting: type, default, where the default is from, and what it changes.

    With --schema print what an editor needs to complete a recipe: save it beside the recipe, whose
    first line then says `#:schema ./FILE`.
    """
    if schema:
        text = recipe_schema(RECIPES.get(recipe or "build", "--recipe"))
        typer.echo(text, nl=False)
        return Result({"schema": text})
    documented: dict[str, list[SettingDoc]] = {}
    for name in [recipe] if recipe else RECIPES.names():
        try:
            documented[name] = list(setting_docs(RECIPES.get(name, "--recipe")))
        except WebtextError as error:
            if recipe:
                raise
            # Such as those of training, where torch is not installed.
            typer.echo(f"# Settings of `webtext {name}` are left out: {error.what}\n")
    listed = {
        name: [doc for doc in docs if section is None or within(doc.key, section)]
        for name, docs in documented.items()
    }
    if section and not any(listed.values()):
        raise SettingError(f"No setting or section is called {section}", _hint(documented, section))
    for name, docs in listed.items():
        if docs:
            typer.echo(f"# Settings of `webtext {name}`\n")
        for doc in docs:
            typer.echo(f"{render(doc)}\n")
    return Result({name: [asdict(doc) for doc in docs] for name, docs in listed.items()})


def within(key: str, section: str) -> bool:
    """Whether a setting is the one that is asked for, or in the section that is."""
    return key == section or key.startswith((f"{section}.", f"{section}["))


def render(doc: SettingDoc) -> str:
    """A setting in three lines."""
    head = f"{doc.key} = {doc.default}" if doc.default else f"{doc.key} (must be given)"
    changes = "changes the result" if doc.decides else "does not change the result"
    return f"{head}\n  {doc.type}; {changes}; value from: {doc.source}\n  {doc.text}"


def _hint(documented: Mapping[str, Iterable[SettingDoc]], section: str) -> str:
    keys = {doc.key for docs in documented.values() for doc in docs}
    sections = {key.rsplit(".", n)[0] for key in keys for n in range(1, key.count(".") + 1)}
    tops = ", ".join(sorted({key.split(".")[0] for key in keys}))
    return f"Sections: {tops}{nearest(section, keys | sections)}"


def add_commands(app: typer.Typer) -> None:
    """Adds it to the command."""
    app.command()(settings)
