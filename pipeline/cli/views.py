"""Subcommands of `webtext` on a corpus that is there: to look at it, judge it and mend it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import typer

from pipeline.cli.options import IntervalOption, RootArgument, SetOption, corpus_at, leave_card
from pipeline.store.registry import entries_of
from pipeline.store.result import Result


def status(root: RootArgument) -> Result:
    """What is built, what is unfinished, and the counts of each stage."""
    from pipeline.views.status import corpus_status, print_status

    corpus = corpus_at(root)
    stages = corpus_status(corpus)
    print_status(corpus, stages)
    return Result({"root": root, "stages": [stage.as_plain() for stage in stages]})


def show(
    root: RootArgument,
    stage: Annotated[
        str, typer.Argument(help="A stage, or decisions, fetches, drops, …")
    ] = "corpus",
    where: Annotated[str | None, typer.Option(help="An SQL condition on the columns")] = None,
    n: Annotated[int, typer.Option(min=1, help="Rows at most")] = 5,
    interval: IntervalOption = None,
) -> Result:
    """Rows of a stage's table."""
    from pipeline.views.show import print_rows, select

    rows = select(corpus_at(root), stage, where=where, limit=n, interval=interval)
    print_rows(stage, rows)
    return Result({"table": stage, "rows": rows})


def verify(
    root: RootArgument,
    interval: Annotated[
        str | None, typer.Option(help="Read the files of this interval only")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 for one on each core")] = 0,
) -> Result:
    """Check every file of a corpus: hashes, counts, fingerprints, and that stages fit together."""
    from pipeline.engine.runners.profiles import RunnerSettings
    from pipeline.views.verify import verify_corpus

    count = RunnerSettings(workers=workers).worker_count()
    checked = verify_corpus(corpus_at(root), interval, count)
    typer.echo(f"Verified {checked.files:,} files of {checked.stages} stages: all is as recorded.")
    return Result({"root": root, "stages": checked.stages, "files": checked.files})


def leaks(
    root: RootArgument,
    tokens: Annotated[
        str | None, typer.Option(help="NAME of tokens/NAME, where there are several")
    ] = None,
    words: Annotated[int, typer.Option(min=8, help="Words in a row, as a passage has")] = 50,
    out: Annotated[
        str | None, typer.Option(help="Writes the validation documents, as a takedown list")
    ] = None,
) -> Result:
    """Passages that validation shares with what is trained on, by comparing the texts."""
    from pipeline.views.shared_passages import chosen_tokens, shared_passages, write_list

    corpus = corpus_at(root)
    name = chosen_tokens(corpus, tokens)
    shared, documents = shared_passages(corpus, name, words)
    for one in sorted(shared, key=lambda s: (-s.words, s))[:10]:
        typer.echo(f"{one.validation} shares {one.words:,} words with {one.train}")
    found = len({one.validation for one in shared})
    typer.echo(
        f"tokens/{name}: {found:,} of {documents:,} validation documents share {words} words or "
        "more in a row with documents trained on"
    )
    if out:
        write_list(out, shared)
        typer.echo(f"Wrote {out}: as quality.takedown.path it takes them out of the next build")
    return Result(
        {"validation": documents, "sharing": found, "pairs": [one._asdict() for one in shared]}
    )


def publish(
    root: RootArgument,
    interval: IntervalOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also when it was published with another text")
    ] = False,
) -> Result:
    """Add a finished interval to RELEASE.json, which says what others may build on."""
    from pipeline.store.release import publish as publish_interval

    corpus = corpus_at(root)
    release = publish_interval(
        corpus, interval or corpus.last_interval("corpus"), replace=replace
    ).as_plain(corpus)
    typer.echo(
        f"Published {root}: {release['documents']:,} documents of {len(release['intervals'])} "
        f"intervals, fingerprint {release['fingerprint'][:12]}."
    )
    return Result(release)


def forget(
    root: RootArgument,
    file: Annotated[
        str | None, typer.Argument(help="Addresses, hosts, Reddit ids, document ids, one a line")
    ] = None,
    runs: Annotated[
        str | None, typer.Option(help="Training runs: says which saw the pages")
    ] = None,
) -> Result:
    """Take pages out of a corpus, its archives and shards, and out of all later builds.

    Without FILE, the pages of the corpus's own list are taken out again: a later build may have
    reached one of them by a redirect.
    """
    from pipeline.forget.forget import describe
    from pipeline.forget.forget import forget as forget_pages

    corpus = corpus_at(root)
    done = forget_pages(corpus, file, runs)
    describe(corpus, done, typer.echo)
    return Result(asdict(done))


def why(
    root: RootArgument,
    page: Annotated[str | None, typer.Argument(help="An address in any form, or an id")] = None,
    token: Annotated[
        str | None, typer.Option(help="A token instead: NAME/INTERVAL/SHARD:POSITION")
    ] = None,
) -> Result:
    """The life of one link: mentions, fetch, text, measurements, decision, tokens."""
    from pipeline.store.errors import SettingError
    from pipeline.views.why import life_of, page_of_token, render_life

    corpus = corpus_at(root)
    if bool(page) == bool(token):
        raise SettingError("`webtext why` takes a page or --token", "Give one of the two")
    life = life_of(corpus, page or page_of_token(corpus, str(token)))
    typer.echo(render_life(life))
    return Result(life.as_plain())


def what_if(
    root: RootArgument, settings: SetOption = None, interval: IntervalOption = None
) -> Result:
    """What other thresholds would change: who comes in, who leaves, with examples."""
    from pipeline.views.what_if import changed_quality, what_if
    from pipeline.views.what_if_text import render

    corpus = corpus_at(root)
    interval = interval or corpus.last_interval("corpus")
    current, changed = changed_quality(corpus, interval, settings or [])
    change = what_if(corpus, interval, current, changed)
    typer.echo(render(change))
    return Result(asdict(change))


def train_classifier(
    root: RootArgument,
    model: Annotated[str, typer.Argument(help="The file to write")],
    good: Annotated[list[str] | None, typer.Option(help="Files of good texts")] = None,
    bad: Annotated[
        list[str] | None, typer.Option(help="Files of bad texts; else the corpus's other pages")
    ] = None,
    min_karma: Annotated[int, typer.Option(help="Karma of good pages, without --good")] = 10,
    keep: Annotated[
        list[float] | None, typer.Option(help="Share of the documents to give a threshold for")
    ] = None,
    interval: IntervalOption = None,
) -> Result:
    """Train GPT-3's quality classifier; reports how well it does on held-out pages."""
    from pipeline.quality.train import SHARES
    from pipeline.quality.train import train_classifier as train

    corpus = corpus_at(root)
    interval = interval or corpus.last_interval("documents")
    report = train(
        corpus,
        interval,
        model,
        min_karma=min_karma,
        good_files=good or [],
        bad_files=bad or [],
        shares=keep or SHARES,
    )
    typer.echo(report.render())
    return Result(asdict(report))


def fit_quantiles(
    root: RootArgument,
    table: Annotated[str, typer.Argument(help="The file to write")],
    intervals: Annotated[
        list[str] | None, typer.Option("--interval", help="Intervals to fit to; else the last one")
    ] = None,
    keep: Annotated[
        list[float] | None, typer.Option(help="Share of the documents to give thresholds for")
    ] = None,
) -> Result:
    """Write the quantiles of all scorers, by which ensembles rank; says which score keeps what."""
    from pipeline.quality.scorers.quantiles import check_shares
    from pipeline.quality.scorers.quantiles import fit_quantiles as fit
    from pipeline.quality.train import SHARES

    corpus = corpus_at(root)
    shares = check_shares(keep or SHARES)
    fitted = fit(corpus, intervals or [corpus.last_interval("quality")], table)
    thresholds: dict[str, dict[str, float]] = {}
    for name, one in fitted.items():
        typer.echo(f"{name}: {one.documents:,} documents.")
        thresholds[name] = {f"{share:g}": one.threshold(share) for share in shares}
        for share, score in thresholds[name].items():
            typer.echo(f"  min_score = {score:.6g} keeps {float(share):.0%} of them.")
    typer.echo(f"Wrote {table}")
    return Result({"table": table, "thresholds": thresholds})


def train_perplexity(
    model: Annotated[str, typer.Argument(help="The file to write")],
    texts: Annotated[list[str], typer.Argument(help="Files of good texts")],
) -> Result:
    """Train the n-gram model whose perplexity a rule can bound."""
    from pipeline.quality.train import train_perplexity as train

    tokens = train(texts, model)
    typer.echo(f"Trained {model} on {tokens:,} tokens.")
    return Result({"model": model, "tokens": tokens})


def train_extractor(
    model: Annotated[str, typer.Argument(help="The file to write")],
    pages: Annotated[list[str], typer.Argument(help="Files of labelled pages, as JSON lines")],
    folds: Annotated[int, typer.Option(min=2, help="Parts of the report, by domain")] = 5,
    trees: Annotated[int, typer.Option(min=1, help="Trees of each stage")] = 400,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads")] = 1,
    keep_folds: Annotated[bool, typer.Option(help="Also write the models of the folds")] = False,
) -> Result:
    """Train the choice of main text on labelled pages; reports scores by kind of page."""
    from pipeline.documents.training.train import TrainingEffort, train

    effort = TrainingEffort(folds, trees, trees, threads=threads)
    scores = train(pages, model, effort, typer.echo, keep_folds)
    for score in scores:
        typer.echo(score.render())
    return Result({"model": model, "scores": [asdict(score) for score in scores]})


def report(
    root: Annotated[str, typer.Argument(help="A corpus, or the folder of a training run")],
) -> Result:
    """Write a page: for a corpus what came through each stage and why the rest did not."""
    for entry in entries_of("webtext.reports"):
        written = entry.load()(root)
        if written is not None:
            break
    else:
        from pipeline.views.report import write_report

        corpus = corpus_at(root)
        written = write_report(corpus)
        leave_card(corpus)
    typer.echo(f"Wrote {written}")
    return Result({"report": str(written)})


def add_commands(app: typer.Typer) -> None:
    """Adds them to the command."""
    commands: tuple[Callable[..., Result], ...] = (
        status,
        show,
        verify,
        leaks,
        publish,
        forget,
        why,
        what_if,
        train_classifier,
        fit_quantiles,
        train_perplexity,
        train_extractor,
        report,
    )
    for command in commands:
        app.command()(command)
