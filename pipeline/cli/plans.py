"""`webtext plan`: what work would take."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pipeline.cli.options import IntervalOption, RecipeArgument, SetOption, overrides
from pipeline.store.result import Result


class _PlanGroup(TyperGroup):
    """`plan RECIPE` is `plan corpus RECIPE`; others are called by their names."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts the name in where it is left out."""
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["corpus", *args]
        return super().parse_args(ctx, args)


plans = typer.Typer(
    cls=_PlanGroup, help="What a build or a training would take.", no_args_is_help=True
)


@plans.command("corpus")
def plan_corpus(
    recipe: RecipeArgument,
    settings: SetOption = None,
    interval: IntervalOption = None,
    links: Annotated[
        float | None,
        typer.Option(min=1, help="Number of links, such as 45e6; else the recipe's own"),
    ] = None,
    intervals: Annotated[int, typer.Option(min=1, help="Built in so many intervals")] = 1,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes, one core each")] = None,
    fetched: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of links that answer")
    ] = None,
    page_kb: Annotated[float | None, typer.Option(min=0, help="HTML of a page, unpacked")] = None,
    core_hour: Annotated[float, typer.Option(min=0, help="Price; 0.05 is an example")] = 0.05,
    gb_month: Annotated[float, typer.Option(min=0, help="Price; 0.02 is an example")] = 0.02,
) -> Result:
    """Time, memory, disk, files, requests to each host and money of a build, from a small sample.

    `webtext plan RECIPE` is short for it.
    """
    from pipeline.build.recipe import read_recipe
    from pipeline.plan.show_plan import PlanOptions, describe, misfits, plan_recipe

    read = read_recipe(recipe, [*(settings or []), *overrides({"corpus.interval": interval})])
    count = workers or read.runner.worker_count()
    plan, notes = plan_recipe(read, PlanOptions(links, intervals, count, fetched, page_kb))
    for line in describe(plan, core_hour, gb_month):
        typer.echo(line)
    for line in notes:
        typer.echo(f"from: {line}")
    problems = list(misfits(plan, read))
    for line in problems:
        typer.echo(f"does not fit: {line}")
    return Result({**asdict(plan), "notes": list(notes), "does_not_fit": problems})


def add_commands(app: typer.Typer) -> None:
    """Adds the group to the command."""
    app.add_typer(plans, name="plan")
