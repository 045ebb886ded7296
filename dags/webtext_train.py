"""Trains on the corpus as soon as a month of it is published, and publishes what is not worse.

Each month has a run of its own, of which it is the partition; with params.run a run of that
name goes on instead, and `data.grow=true` in params.settings lets it take in the months that
joined.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param, PartitionedAssetTimetable, chain
from webtext_deployment import (
    CORPUS,
    DEFAULTS,
    MODELS,
    RUN_DEFAULTS,
    RUNS,
    SETTINGS,
    TRAIN_RECIPE,
)
from webtext_operator import WebtextOperator

DATA = "{{ published(triggering_asset_events, params) }}"
RUN = RUNS + "/{{ run_name(triggering_asset_events, params, run_id) }}"

with DAG(
    dag_id="webtext_train",
    schedule=PartitionedAssetTimetable(assets=CORPUS),
    default_args={**DEFAULTS, "pool": "webtext_train"},
    params={
        "data": Param("", type="string", description="Token shards; else the asset's"),
        "run": Param("", type="string", description="Name of the run; else by the corpus"),
        "tolerance": Param(0.0, type="number", minimum=0, description="Nats it may be worse"),
        "settings": Param([], type="array", description="Overrides: train.steps=1000"),
    },
    doc_md=__doc__,
    **RUN_DEFAULTS,
):
    train = WebtextOperator(
        task_id="train",
        # Goes on from the last checkpoint where there is one.
        arguments=["train", TRAIN_RECIPE, "--data", DATA, "--out", RUN, "--auto-resume"],
        settings=SETTINGS,
        execution_timeout=timedelta(days=30),
        retries=10,
    )
    evaluate = WebtextOperator(task_id="evaluate", arguments=["eval", RUN])
    export = WebtextOperator(task_id="export", arguments=["export", RUN, MODELS, "--by-step"])
    # Skipped, and so is what comes after it, when the run is worse than the published one.
    compare = WebtextOperator(
        task_id="compare",
        arguments=["compare", RUN, MODELS, "--tolerance", "{{ params.tolerance }}"],
    )
    publish = WebtextOperator(task_id="publish", arguments=["publish-model", RUN, MODELS])
    chain(train, evaluate, export, compare, publish)
