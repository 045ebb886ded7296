"""Subcommands of `webtext` that build a corpus or parts of it, the demo, the check of runners."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from pipeline.cli.options import IntervalOption, RecipeArgument, SetOption, leave_card, overrides
from pipeline.store.garbage import collect_seldom
from pipeline.store.result import ANSWER_IS_NO, Result

_BEAM_OPTIONS = "pipeline.beam_options"


class _WithBeamOptions(TyperCommand):
    """Takes what comes after `--` as Beam's options, and refuses other unknown arguments."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses what comes before `--`."""
        end = args.index("--") if "--" in args else len(args)
        ctx.meta[_BEAM_OPTIONS] = args[end + 1 :]
        return super().parse_args(ctx, args[:end])


def build(
    context: typer.Context,
    recipe: RecipeArgument,
    settings: SetOption = None,
    interval: IntervalOption = None,
    first: Annotated[
        str | None, typer.Option("--from", help="The first stage to look at; others stay")
    ] = None,
    until: Annotated[str | None, typer.Option(help="The last stage to build")] = None,
    runner: Annotated[
        str | None, typer.Option(help="auto, local, dask, spark, beam-flink, …")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes; 0 for one on each core")
    ] = None,
    retry: Annotated[
        str, typer.Option(help="Outcomes of links to ask again now, such as dns,timeout")
    ] = "",
) -> Result:
    """Build a corpus: runs the stages that are not up to date. Beam's options go after `--`."""
    collect_seldom()
    from pipeline.build.recipe import read_recipe

    given = {"corpus.interval": interval, "runner.name": runner, "runner.workers": workers}
    read = read_recipe(recipe, [*(settings or []), *overrides(given)])
    from pipeline.build.build import build as build_corpus
    from pipeline.build.build import plain_results
    from pipeline.store.corpus import Corpus

    options = context.meta[_BEAM_OPTIONS]
    results = build_corpus(
        read,
        first=first,
        until=until,
        options=options,
        retry=[name.strip() for name in retry.split(",") if name.strip()],
        say=typer.echo,
    )
    leave_card(Corpus(read.corpus.root))
    if all(result.reason is None for result in results):
        typer.echo(f"Nothing to do: {read.corpus.root} is up to date.")
    else:
        typer.echo(f"Built {read.corpus.root}, interval {read.corpus.interval}.")
    return Result({**read.corpus.model_dump(), "stages": plain_results(results)})


def ready(
    recipe: RecipeArgument,
    settings: SetOption = None,
    interval: IntervalOption = None,
    scores: Annotated[
        bool, typer.Option(help="Wait for what `webtext rescore` is to write, too")
    ] = True,
) -> Result:
    """Are the sources of an interval there? Exit code 3 says no."""
    from pipeline.build.recipe import read_recipe
    from pipeline.links.sources import missing_sources

    read = read_recipe(recipe, [*(settings or []), *overrides({"corpus.interval": interval})])
    missing = missing_sources(read.links.sources, scores=scores)
    if missing:
        typer.echo(f"Not there yet: {', '.join(missing)}")
    else:
        typer.echo(f"The sources of {read.corpus.interval} are there.")
    answer = {**read.corpus.model_dump(), "missing": missing}
    return Result(answer, ANSWER_IS_NO if missing else 0)


def rescore(
    recipe: RecipeArgument,
    settings: SetOption = None,
    interval: IntervalOption = None,
    hours: Annotated[
        float, typer.Option(min=0, help="Those whose score was caught younger than this")
    ] = 24.0,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Also those that do not say when they were caught")
    ] = False,
    site: Annotated[str, typer.Option(help="Section of praw.ini with the credentials")] = "DEFAULT",
) -> Result:
    """Ask Reddit again for the scores of posts and comments that the dumps caught too early."""
    from pipeline.build.recipe import read_recipe
    from pipeline.links.rescore import RescoreOptions, rescore_dumps

    read = read_recipe(recipe, [*(settings or []), *overrides({"corpus.interval": interval})])
    numbers = rescore_dumps(read.links, RescoreOptions(hours, unknown, site), typer.echo)
    typer.echo(
        f"Of {numbers.posts:,} posts and {numbers.comments:,} comments {numbers.young:,} were "
        f"caught young and {numbers.unknown:,} do not say when; "
        f"asked for {numbers.asked:,}, got {numbers.got:,}."
    )
    return Result(asdict(numbers))


def crawl(
    recipe: RecipeArgument,
    settings: SetOption = None,
    interval: IntervalOption = None,
    group: Annotated[
        int | None, typer.Option(min=0, help="Crawl this group of hosts; counted from 0")
    ] = None,
) -> Result:
    """Crawl an interval by groups of hosts: without --group, say how many there are."""
    from pipeline.build.crawl_groups import crawl_group, open_crawl
    from pipeline.build.recipe import read_recipe

    read = read_recipe(recipe, [*(settings or []), *overrides({"corpus.interval": interval})])
    if group is None:
        groups = open_crawl(read, typer.echo)
        if groups:
            typer.echo(f"{groups} groups of hosts to crawl: --group 0 to {groups - 1}")
        return Result({"groups": list(range(groups))})
    counts = crawl_group(read, group)
    typer.echo(f"Group {group}: {counts.seen:,} links, {counts.kept:,} pages.")
    return Result({"group": group, **counts.model_dump(by_alias=True)})


def demo(
    folder: Annotated[str, typer.Argument(help="Where the corpus and the run go")] = "webtext-demo",
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 for one on each core")] = 0,
) -> Result:
    """Build the sample that comes with webtext, train on it, generate: the whole line, offline."""
    from pipeline.cli.demo import run_demo

    return Result(run_demo(folder, workers))


def runner_check(
    context: typer.Context,
    profile: Annotated[str, typer.Argument(help="A recipe with a section `runner`, or a name")],
    at: Annotated[
        str, typer.Option(help="An empty folder or address that this machine and workers share")
    ] = "",
    settings: SetOption = None,
    without: Annotated[list[str] | None, typer.Option(help="A case to leave out")] = None,
) -> Result:
    """Prove a runner: preflight, Beam's promises, and the sample build with equal fingerprints.

    Beam's options go after `--`.
    """
    import tempfile

    from pipeline.conformance.check import check_runner
    from pipeline.engine.runners.profiles import read_profile

    read = read_profile(profile, settings or [])
    folder = at or f"{tempfile.mkdtemp(prefix='webtext-check-')}/runner"
    options = context.meta[_BEAM_OPTIONS]
    answer = check_runner(read, folder, options, without=without or [], say=typer.echo)
    typer.echo(f"{read.resolved()}: this runner builds what one worker here builds.")
    return Result({"runner": read.resolved(), **asdict(answer)})


def add_commands(app: typer.Typer) -> None:
    """Adds them to the command."""
    app.command(cls=_WithBeamOptions)(build)
    for command in (ready, rescore, crawl, demo):
        app.command()(command)
    runners = typer.Typer(help="Runners that carry a build.", no_args_is_help=True)
    runners.command("check", cls=_WithBeamOptions)(runner_check)
    app.add_typer(runners, name="runner")
