"""Asks Reddit again for the scores of a month's posts that the dumps caught too early.

What it writes is a source of the recipe (`scores` of a reddit-dump), so webtext_monthly waits
for it.  A recipe without such a source needs none of this: leave the DAG paused.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable, Param
from webtext_deployment import DEFAULTS, MONTH, RECIPE, RUN_DEFAULTS, SETTINGS, START
from webtext_operator import WebtextOperator, WebtextSensor

with DAG(
    dag_id="webtext_refresh_scores",
    schedule=CronDataIntervalTimetable("0 0 1 * *", timezone="UTC"),
    start_date=datetime.fromisoformat(f"{START}T00:00:00+00:00"),
    catchup=False,
    default_args=DEFAULTS,
    params={
        "interval": Param("", type="string", description="The month, 2024-01; else the run's"),
        "hours": Param(24, type="number", minimum=0, description="Posts caught younger than this"),
        "settings": Param([], type="array", description="Overrides: links.min_karma=5"),
    },
    doc_md=__doc__,
    **RUN_DEFAULTS,
):
    ready = WebtextSensor(
        task_id="ready",
        arguments=["ready", RECIPE, "--interval", MONTH, "--no-scores"],
        settings=SETTINGS,
        mode="reschedule",
        poke_interval=timedelta(hours=6),
        timeout=timedelta(days=30),
    )
    # By the hundred, at the rate that Reddit's answers ask for; the pool has one slot, as that
    # rate is one for all who use the same credentials.
    rescore = WebtextOperator(
        task_id="rescore",
        arguments=["rescore", RECIPE, "--interval", MONTH, "--hours", "{{ params.hours }}"],
        settings=SETTINGS,
        pool="webtext_reddit",
        retries=10,
        execution_timeout=timedelta(days=14),
    )
    ready >> rescore
