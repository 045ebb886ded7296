"""A worker whose memory is full of what Python has freed goes on."""

from __future__ import annotations

import psutil
from support import in_new_process

from pipeline.engine.runners.cluster import DaskBuild
from pipeline.engine.runners.dask_settings import DaskSettings
from pipeline.engine.runners.open import open_runner
from pipeline.engine.runners.profiles import RunnerSettings

LIMIT = 600  # MB
_kept: list[bytes] = []


def fill_and_free(limit: int) -> int:
    """Takes blocks up to 88 % of the limit, frees all but each 100th; returns what is resident.

    In MB.  The blocks that stay lie between those that are gone.
    """
    blocks, me = [], psutil.Process()
    while me.memory_info().rss < 0.88 * limit * 1_000_000:
        blocks += [bytes([n % 256]) * 1_000 for n in range(1_000)]
    _kept.extend(blocks[::100])
    del blocks
    return me.memory_info().rss // 1_000_000


def test_a_worker_that_holds_nothing_is_not_paused_for_ever() -> None:
    # Where nothing looks after it, as much stays resident as dask pauses a worker for.
    assert in_new_process(fill_and_free, LIMIT) > 0.8 * LIMIT
    settings = RunnerSettings(name="dask", workers=1, dask=DaskSettings(memory_limit_mb=LIMIT))
    with open_runner(settings) as runner:
        assert isinstance(runner, DaskBuild)
        # The worker may be looked after while it still frees: what it says itself proves nothing.
        runner.client.submit(fill_and_free, LIMIT).result()
        assert runner.client.submit(sum, [1, 2]).result() == 3
