"""The `webtext` command: one thin function a subcommand.

Beam and torch are imported inside the functions, so that `webtext --help` and
wrong settings answer at once.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
import traceback
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

import pipeline
from pipeline.errors import WebtextError
from pipeline.result import ANSWER_IS_NO, give_result, plain_outcomes

if TYPE_CHECKING:
    from pipeline.corpus import Corpus

app = typer.Typer(
    name="webtext",
    help="From Reddit links to a trained language model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

RecipeArgument = Annotated[str, typer.Argument(help="A TOML file, or the name of a bundled recipe")]
RootArgument = Annotated[str, typer.Argument(help="The corpus: a folder or an address (s3://…)")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Overrides a setting: --set links.min_karma=5"),
]
IntervalOption = Annotated[str | None, typer.Option(help="The interval, such as 2024-01")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"webtext {pipeline.__version__}")
        raise typer.Exit


def _write_card(corpus: Corpus) -> None:
    """The dataset card; says so where another README is in its place."""
    from pipeline.views.card import CARD, write_card

    if write_card(corpus) is None:
        typer.echo(f"{corpus.root}/{CARD} is not of webtext's making and stays as it is.")


def _overrides(given: dict[str, str | int | None]) -> list[str]:
    """Options that stand for a setting, as overrides."""
    return [f"{name}={json.dumps(value)}" for name, value in given.items() if value is not None]


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
    from pipeline.config import read_recipe

    given = {"corpus.interval": interval, "runner.name": runner, "runner.workers": workers}
    read = read_recipe(recipe, [*(settings or []), *_overrides(given)])
    from pipeline.build import build as build_corpus
    from pipeline.corpus import Corpus

    outcomes = build_corpus(read, first=first, until=until, options=context.args, say=typer.echo)
    _write_card(Corpus(read.corpus.root))
    give_result(context, {**read.corpus.model_dump(), "stages": plain_outcomes(outcomes)})
    if all(outcome.reason is None for outcome in outcomes):
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
    from pipeline.config import read_recipe
    from pipeline.links.sources import missing_sources

    read = read_recipe(recipe, [*(settings or []), *_overrides({"corpus.interval": interval})])
    missing = missing_sources(read.links, scores=scores)
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

    from pipeline.config import read_recipe
    from pipeline.links.rescore import Asked, rescore_dumps

    read = read_recipe(recipe, [*(settings or []), *_overrides({"corpus.interval": interval})])
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
    from pipeline.config import read_recipe
    from pipeline.crawl import crawl_group, open_crawl

    read = read_recipe(recipe, [*(settings or []), *_overrides({"corpus.interval": interval})])
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
    from pipeline.config import read_recipe
    from pipeline.views.show_plan import Asked, bends, describe, plan_recipe

    read = read_recipe(recipe, [*(settings or []), *_overrides({"corpus.interval": interval})])
    count = workers or read.runner.worker_count()
    made, notes = plan_recipe(read, Asked(links, intervals, count, fetched, page_kb))
    give_result(context, dataclasses.asdict(made))
    for line in describe(made, core_hour, gb_month):
        typer.echo(line)
    for line in notes:
        typer.echo(f"from: {line}")
    for line in bends(made, read):
        typer.echo(f"does not fit: {line}")


@app.command()
def status(root: RootArgument) -> None:
    """What is built, what is unfinished, and the counts of each stage."""
    from pipeline.corpus import Corpus
    from pipeline.views.status import show_status

    show_status(Corpus(root))


@app.command()
def show(
    root: RootArgument,
    stage: Annotated[str, typer.Argument(help="A stage, or: decisions, fetches, drops")] = "corpus",
    where: Annotated[str | None, typer.Option(help="An SQL condition on the columns")] = None,
    n: Annotated[int, typer.Option(help="Rows at most")] = 5,
    interval: IntervalOption = None,
) -> None:
    """Rows of a stage's table."""
    from pipeline.corpus import Corpus
    from pipeline.views.show import show_rows

    show_rows(Corpus(root), stage, where=where, limit=n, interval=interval)


@app.command()
def verify(
    context: typer.Context,
    root: RootArgument,
    interval: Annotated[
        str | None, typer.Option(help="Read the files of this interval only")
    ] = None,
) -> None:
    """Check every file of a corpus: hashes, counts, fingerprints, and that stages fit together."""
    from pipeline.corpus import Corpus
    from pipeline.views.verify import verify_corpus

    checked = verify_corpus(Corpus(root), interval)
    give_result(context, {"root": root, "stages": checked.stages, "files": checked.files})
    typer.echo(f"Verified {checked.files:,} files of {checked.stages} stages: all is as recorded.")


@app.command()
def publish(
    context: typer.Context,
    root: RootArgument,
    interval: IntervalOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also when it was published with another text")
    ] = False,
) -> None:
    """Add a finished interval to RELEASE.json, which says what others may build on."""
    from pipeline.corpus import Corpus
    from pipeline.publish import publish as publish_interval

    corpus = Corpus(root)
    release = publish_interval(
        corpus, interval or corpus.last_interval("corpus"), replace=replace
    ).as_plain(corpus)
    give_result(context, release)
    typer.echo(
        f"Published {root}: {release['documents']:,} documents of {len(release['intervals'])} "
        f"intervals, fingerprint {release['fingerprint'][:12]}."
    )


@app.command()
def forget(
    context: typer.Context,
    root: RootArgument,
    file: Annotated[
        str | None, typer.Argument(help="Addresses, hosts, Reddit ids, document ids, one a line")
    ] = None,
    runs: Annotated[
        str | None, typer.Option(help="Training runs: says which saw the pages")
    ] = None,
) -> None:
    """Take pages out of a corpus, its archives and shards, and out of all later builds.

    Without FILE: those of the corpus's own list again, as after a build that a redirect led to one.
    """
    from pipeline.corpus import Corpus
    from pipeline.views.forget import describe
    from pipeline.views.forget import forget as forget_pages

    corpus = Corpus(root)
    done = forget_pages(corpus, file, runs)
    give_result(context, dataclasses.asdict(done))
    describe(corpus, done, typer.echo)


@app.command()
def why(
    root: RootArgument,
    page: Annotated[str | None, typer.Argument(help="An address in any form, or an id")] = None,
    token: Annotated[
        str | None, typer.Option(help="A token instead: NAME/INTERVAL/SHARD:POSITION")
    ] = None,
) -> None:
    """The life of one link: mentions, fetch, text, measurements, decision, tokens."""
    from pipeline.corpus import Corpus
    from pipeline.errors import SettingError
    from pipeline.views.why import life_of, page_of_token, render_life

    corpus = Corpus(root)
    if (page is None) == (token is None):
        raise SettingError("`webtext why` takes a page or --token", "Give one of the two")
    typer.echo(render_life(life_of(corpus, page or page_of_token(corpus, str(token)))))


@app.command("what-if")
def what_if(
    root: RootArgument, settings: SetOption = None, interval: IntervalOption = None
) -> None:
    """What other thresholds would change: who comes in, who leaves, with examples."""
    from pipeline.corpus import Corpus
    from pipeline.views.what_if import changed_quality, render, what_if

    corpus = Corpus(root)
    interval = interval or corpus.last_interval("corpus")
    current, changed = changed_quality(corpus, interval, settings or [])
    typer.echo(render(what_if(corpus, interval, current, changed)))


@app.command("train-classifier")
def train_classifier(
    root: RootArgument,
    model: Annotated[str, typer.Argument(help="The file to write")],
    good: Annotated[list[str] | None, typer.Option(help="Files of good texts")] = None,
    min_karma: Annotated[int, typer.Option(help="Karma of good pages, without --good")] = 10,
    interval: IntervalOption = None,
) -> None:
    """Train GPT-3's quality classifier; reports precision and recall on held-out pages."""
    from pipeline.corpus import Corpus
    from pipeline.quality.train import train_classifier as train

    corpus = Corpus(root)
    interval = interval or corpus.last_interval("documents")
    report = train(corpus, interval, model, min_karma=min_karma, good_files=good or [])
    typer.echo(report.render())


@app.command("train-perplexity")
def train_perplexity(
    model: Annotated[str, typer.Argument(help="The file to write")],
    texts: Annotated[list[str], typer.Argument(help="Files of good texts")],
) -> None:
    """Train the n-gram model whose perplexity a rule can bound."""
    from pipeline.quality.train import train_perplexity as train

    typer.echo(f"Trained {model} on {train(texts, model):,} tokens.")


@app.command()
def report(
    context: typer.Context,
    root: Annotated[str, typer.Argument(help="A corpus, or the folder of a training run")],
) -> None:
    """Write a page: for a corpus what came through each stage and why the rest did not."""
    for entry in entry_points(group="webtext.reports"):
        written = entry.load()(root)
        if written is not None:
            break
    else:
        from pipeline.corpus import Corpus
        from pipeline.views.report import write_report

        written = write_report(Corpus(root))
        _write_card(Corpus(root))
    give_result(context, {"report": str(written)})
    typer.echo(f"Wrote {written}")


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

    from pipeline.runners.check import check_runner
    from pipeline.runners.profiles import read_profile

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


def _fail(error: Exception, said: str, debug: bool) -> None:
    if debug:
        traceback.print_exception(error)
    typer.echo(f"webtext: {' '.join(said.split())}", err=True)
