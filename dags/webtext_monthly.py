"""Builds a month of the corpus: from its links to published token shards.

Months come one after the other, as each is deduplicated against all before it.  Every task
goes on where a killed one stopped.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable, Param, TriggerRule, chain
from webtext_deployment import CORPUS, DEFAULTS, MONTH, RECIPE, RUN_DEFAULTS, SETTINGS, START
from webtext_operator import WebtextOperator, WebtextSensor

ROOT = "{{ ti.xcom_pull(task_ids='ready')['root'] }}"


def build(stage: str, **options: object) -> WebtextOperator:
    """The task that builds one stage and no other."""
    arguments = ["build", RECIPE, "--interval", MONTH, "--from", stage, "--until", stage]
    return WebtextOperator(task_id=stage, arguments=arguments, settings=SETTINGS, **options)


with DAG(
    dag_id="webtext_monthly",
    schedule=CronDataIntervalTimetable("0 0 1 * *", timezone="UTC"),
    start_date=datetime.fromisoformat(f"{START}T00:00:00+00:00"),
    catchup=False,
    default_args={**DEFAULTS, "depends_on_past": True},
    params={
        "interval": Param("", type="string", description="The month, 2024-01; else the run's"),
        "settings": Param([], type="array", description="Overrides: links.min_karma=5"),
    },
    doc_md=__doc__,
    **RUN_DEFAULTS,
):
    # Waits for the month's files; what the recipe takes from Reddit's API, `links` fetches.
    ready = WebtextSensor(
        task_id="ready",
        arguments=["ready", RECIPE, "--interval", MONTH],
        settings=SETTINGS,
        mode="reschedule",
        poke_interval=timedelta(hours=6),
        timeout=timedelta(days=30),
    ).as_setup()
    open_crawl = WebtextOperator(
        task_id="open_crawl",
        arguments=["crawl", RECIPE, "--interval", MONTH],
        settings=SETTINGS,
        take="groups",
    )
    # The pool has one slot, so that one crawl runs at a time.  Groups share no host: with more
    # slots more of them run side by side, and hosts are asked no faster.
    crawl = WebtextOperator.partial(
        task_id="crawl",
        arguments=["crawl", RECIPE, "--interval", MONTH, "--group", "{each}"],
        settings=SETTINGS,
        pool="webtext_crawl",
        retries=10,
        execution_timeout=timedelta(days=14),
        depends_on_past=False,  # the number of groups differs by month
    ).expand(each=open_crawl.output)
    pages = build("pages", trigger_rule=TriggerRule.NONE_FAILED)  # no groups: all is there
    # The month's own files: those before were verified in their month.
    verify = WebtextOperator(
        task_id="verify", arguments=["verify", ROOT, "--interval", MONTH], retries=0
    )
    publish = WebtextOperator(
        task_id="publish",
        arguments=["publish", ROOT, "--interval", MONTH],
        outlets=[CORPUS],
        partition=MONTH,
    )
    # Also when a task in between failed: the page then shows how far the month came.
    report = WebtextOperator(task_id="report", arguments=["report", ROOT])

    chain(
        ready,
        build("links"),
        open_crawl,
        crawl,
        pages,
        *(build(stage) for stage in ("documents", "quality", "dedup", "corpus", "tokens")),
        verify,
        publish,
        report.as_teardown(setups=ready),
    )
