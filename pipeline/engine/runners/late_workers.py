"""Workers of dask that join while a build runs, checked as those were that it began with."""

from __future__ import annotations

from distributed import Status, Worker, WorkerPlugin

from pipeline.engine.runners.preflight import Installation, difference, installation
from pipeline.store.errors import WebtextError

#: The topic under which a refused worker is told to the submitting side.
REFUSED = "webtext-refused"


class CheckLateWorkers(WorkerPlugin):
    """To be registered with a client: a worker that would write other bytes gets no task."""

    name = "webtext-preflight"

    def __init__(self) -> None:
        self._wanted = installation()

    def setup(self, worker: Worker) -> None:
        """Called by dask on each worker, also on those that come later."""
        reason = _refusal(self._wanted, worker.address)
        if reason is not None:
            worker.status = Status.paused  # before the first task; closing takes a moment
            worker.log_event(REFUSED, reason)
            worker.loop.add_callback(worker.close, nanny=True, reason="webtext-preflight")


def _refusal(wanted: Installation, address: str) -> str | None:
    try:
        difference("Worker", address, installation(), wanted)
    except WebtextError as error:
        return str(error)
    return None
