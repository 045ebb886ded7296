"""The `webtext` command: one thin function a subcommand.

Beam and torch are imported inside the functions, so that `webtext --help` and
wrong settings answer at once.
"""

from __future__ import annotations

import dataclasses
import logging
import sys
import traceback
from importlib.metadata import entry_points
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import pipeline
from pipeline.cli import views as cli_views
from pipeline.cli.options import IntervalOption, RecipeArgument, SetOption, leave_card, overrides
from pipeline.store.errors import WebtextError
from pipeline.store.result import ANSWER_IS_NO, give_result

app = typer.Typer(
    name="webtext",
    help="From Reddit links to a trained language model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"webtext {pipeline.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error")] = False,
    result: Annotated[
        str, typer.Option(metavar="FILE", help="Write what the command found as JSON")
    ] = "",
    version: Annotated[
        bool, typer.Option(callback=_version, is_eager=True, help="Show it")
    ] = False,
) -> None:
    """Options before the subcommand; `main` reads --debug, `give_result` --result."""


@app.command(context_settings={"allow_extra_args": True})
def build(
    context: typer.Context,
    recipe: RecipeArgument,
    settings: SetOption = None,
    interval: IntervalOption = None,
    first: Annotated[
        str | None, typer.Option("--from", help="The first stage to look at; others stay")
    ] = None,
    until: Annotated[str | None, typer.Option(help="The last stage to build")] = None,
    runner: Annotated[str | None, typer.Option(help="local, dask, flink, spark, …")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; 0 for all cores")] = None,
) -> None:
    """Build a corpus: runs the stages that are not up to date. Beam's options go after `--`."""
    from pipeline.build.recipe import read_recipe

    given = {"corpus.interval": interval, "runner.name": runner, "runner.workers": workers}
    read = read_recipe(recipe, [*(settings or []), *overrides(given)])
    from pipeline.build.build import build as build_corpus
    from pipeline.build.build import plain_results
    from pipeline.store.corpus import Corpus

    results = build_corpus(read, first=first, until=until, options=context.args, say=typer.echo)
    leave_card(Corpus(read.corpus.root))
    give_result(context, {**read.corpus.model_dump(), "stages": plain_results(results)})
    if all(result.reason is None for result in results):
        typer.echo(f"Nothing to do: {read.corpus.root} is up to date.")
    else:
        typer.echo(f"Built {read.corpus.root}, interval {read.corpus.interval}.")


@app.command()
def ready(
    context: typer.Context,
    recipe: RecipeArgument,
    settings: SetOption = None,
    interval: IntervalOption = None,
    scores: Annotated[
        bool, typer.Option(help="Wait for what `webtext rescore` is to write, too")
    ] = True,
) -> None:
    """Are the sources of an interval there? Exit code 3 says no."""
    from pipeline.build.recipe import read_recipe
    from pipeline.links.sources import missing_sources

    read = read_recipe(recipe, [*(settings or []), *overrides({"corpus.interval": interval})])
    missing = missing_sources(read.links.sources, scores=scores)
    give_result(context, {**read.corpus.model_dump(), "missing": missing})
    if missing:
        typer.echo(f"Not there yet: {', '.join(missing)}")
        raise typer.Exit(ANSWER_IS_NO)
    typer.echo(f"The sources of {read.corpus.interval} are there.")


@app.command()
def rescore(
    context: typer.Context,
    recipe: RecipeArgument,
    settings: SetOption = None,
    interval: IntervalOption = None,
    hours: Annotated[
        float, typer.Option(min=0, help="Posts whose score was caught younger than this")
    ] = 24.0,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Also posts that do not say when they were caught")
    ] = False,
    site: Annotated[str, typer.Option(help="Section of praw.ini with the credentials")] = "DEFAULT",
) -> None:
    """Ask Reddit again for the scores of posts that the dumps caught too early."""
    from dataclasses import asdict

    from pipeline.build.recipe import read_recipe
    from pipeline.links.rescore import Asked, rescore_dumps

    read = read_recipe(recipe, [*(settings or []), *overrides({"corpus.interval": interval})])
    numbers = rescore_dumps(read.links, Asked(hours, unknown, site), typer.echo)
    give_result(context, asdict(numbers))
    typer.echo(
        f"Of {numbers.posts:,} posts {numbers.young:,} were caught young and {numbers.unknown:,} "
        f"do not say when; asked for {numbers.asked:,}, got {numbers.got:,}."
    )


@app.command()
def crawl(
    context: typer.Context,
    recipe: RecipeArgument,
    settings: SetOption = None,
    interval: IntervalOption = None,
    group: Annotated[
        int | None, typer.Option(min=0, help="Crawl this group of hosts; counted from 0")
    ] = None,
) -> None:
    """Crawl an interval by groups of hosts: without --group, say how many there are."""
    from pipeline.build.crawl_groups import crawl_group, open_crawl
    from pipeline.build.recipe import read_recipe

    read = read_recipe(recipe, [*(settings or []), *overrides({"corpus.interval": interval})])
    if group is None:
        groups = open_crawl(read, typer.echo)
        give_result(context, {"groups": list(range(groups))})
        if groups:
            typer.echo(f"{groups} groups of hosts to crawl: --group 0 to {groups - 1}")
        return
    counts = crawl_group(read, group)
    give_result(context, {"group": group, **counts.model_dump(by_alias=True)})
    typer.echo(f"Group {group}: {counts.seen:,} links, {counts.kept:,} pages.")


class _PlanGroup(TyperGroup):
    """`plan RECIPE` is `plan corpus RECIPE`; others are called by their names."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts the name in where it is left out."""
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["corpus", *args]
        return super().parse_args(ctx, args)


plans = typer.Typer(cls=_PlanGroup, help="What work would take.", no_args_is_help=True)
app.add_typer(plans, name="plan")


@plans.command("corpus")
def plan_corpus(
    context: typer.Context,
    recipe: RecipeArgument,
    settings: SetOption = None,
    interval: IntervalOption = None,
    links: Annotated[
        float | None, typer.Option(min=1, help="As many links, such as 45e6; else the recipe's own")
    ] = None,
    intervals: Annotated[int, typer.Option(min=1, help="Built in so many intervals")] = 1,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes, one core each")] = None,
    fetched: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of links that answer")
    ] = None,
    page_kb: Annotated[float | None, typer.Option(min=0, help="HTML of a page, unpacked")] = None,
    core_hour: Annotated[float, typer.Option(min=0, help="Price; 0.05 is an example")] = 0.05,
    gb_month: Annotated[float, typer.Option(min=0, help="Price; 0.02 is an example")] = 0.02,
) -> None:
    """Time, memory, disk, files, requests a host and money of a build, from a small sample.

    `webtext plan RECIPE` is short for it.
    """
    from pipeline.build.recipe import read_recipe
    from pipeline.plan.show_plan import PlanOptions, describe, misfits, plan_recipe

    read = read_recipe(recipe, [*(settings or []), *overrides({"corpus.interval": interval})])
    count = workers or read.runner.worker_count()
    plan, notes = plan_recipe(read, PlanOptions(links, intervals, count, fetched, page_kb))
    give_result(context, dataclasses.asdict(plan))
    for line in describe(plan, core_hour, gb_month):
        typer.echo(line)
    for line in notes:
        typer.echo(f"from: {line}")
    for line in misfits(plan, read):
        typer.echo(f"does not fit: {line}")


cli_views.add_commands(app)

runners = typer.Typer(help="Runners that carry a build.", no_args_is_help=True)
app.add_typer(runners, name="runner")


@runners.command("check", context_settings={"allow_extra_args": True})
def runner_check(
    context: typer.Context,
    profile: Annotated[str, typer.Argument(help="A recipe with a [runner] section, or a name")],
    at: Annotated[
        str, typer.Option(help="An empty folder or address that this machine and workers share")
    ] = "",
    settings: SetOption = None,
    without: Annotated[list[str] | None, typer.Option(help="A case to leave out")] = None,
) -> None:
    """Prove a runner: preflight, Beam's promises, and the sample build with equal fingerprints.

    Beam's options go after `--`.
    """
    import tempfile

    from pipeline.conformance.check import check_runner
    from pipeline.engine.runners.profiles import read_profile

    read = read_profile(profile, settings or [])
    folder = at or f"{tempfile.mkdtemp(prefix='webtext-check-')}/runner"
    check_runner(read, folder, context.args, without=without or [], say=typer.echo)
    typer.echo(f"{read.resolved()}: this runner builds what one worker here builds.")


def _add_other_commands() -> None:
    """Subcommands of other packages (the trainer) join by entry point."""
    for entry in entry_points(group="webtext.commands"):
        entry.load()(app)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command; exits with 0 when the work is done, 2 for a wrong setting, 1 otherwise."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if "--debug" not in arguments:
        logging.getLogger().setLevel(logging.ERROR)  # Beam warns of clouds that are not used
    _add_other_commands()
    try:
        code: Any = app(args=arguments, standalone_mode=False)
    except WebtextError as error:
        _fail(error, str(error), "--debug" in arguments)
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("webtext: stopped. Run the same command again: it goes on from here.", err=True)
        code = 1
    except Exception as error:
        code = _other(error, "--debug" in arguments)
    sys.exit(code if isinstance(code, int) else 0)


def _other(error: Exception, debug: bool) -> int:
    """Click's own errors say how to call the command; anything else is a bug to report."""
    if hasattr(error, "show") and hasattr(error, "exit_code"):
        error.show()
        return 2
    _fail(error, f"{type(error).__name__}: {error}. Please report this (--debug shows more)", debug)
    return 1


def _fail(error: Exception, line: str, debug: bool) -> None:
    if debug:
        traceback.print_exception(error)
    typer.echo(f"webtext: {' '.join(line.split())}", err=True)
