"""Checks of a dask cluster of somebody else's before anything is submitted."""

from __future__ import annotations

from functools import partial

import distributed

from pipeline.engine.runners.preflight import (
    Installation,
    check_installation,
    check_shared,
    check_worker,
    installation,
)
from pipeline.store.errors import WebtextError


def check_cluster(client: distributed.Client, root: str) -> None:
    """Raises WebtextError for the first machine that would give wrong results or none.

    The scheduler is one of them: it unpacks the graph of tasks, so it needs the packages too.
    `root` is where stages write, which all workers must reach; empty: they write nowhere.
    """
    check_installation("Scheduler", client.scheduler.address, _of_scheduler(client))
    threads = client.nthreads()
    if not threads:
        raise WebtextError(
            f"The scheduler {client.scheduler.address} has no workers",
            "Start some: PYTHONHASHSEED=0 PYTHONSAFEPATH=1 dask worker --nthreads 1 SCHEDULER",
        )
    for address, count in sorted(threads.items()):
        if count != 1:
            raise WebtextError(
                f"Worker {address} has {count} threads; Beam's bundles need one",
                "Start it with --nthreads 1, and --nworkers for more processes",
            )
    everywhere = partial(client.run, on_error="return")
    for address, answer in sorted(everywhere(installation).items()):
        check_worker(address, answer)
    if root:
        check_shared(everywhere, root)


def _of_scheduler(client: distributed.Client) -> Installation | BaseException:
    try:
        answer: Installation = client.run_on_scheduler(installation)
    except Exception as error:
        return error
    return answer
