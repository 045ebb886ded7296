"""What a build asks of a runner; the registry of runners is `webtext.runners`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, ClassVar, Protocol

from pipeline.store.errors import SettingError
from pipeline.store.registry import Registry
from pipeline.store.settings import Settings

if TYPE_CHECKING:
    import apache_beam as beam

    from pipeline.engine.runners.profiles import RunnerSettings

#: What the environment of a worker process must have, on any engine.
WORKER_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "PYTHONSAFEPATH": "1",  # no module comes from the folder that a worker starts in
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Dask's own: freed memory goes back to the system.  What a worker keeps counts against its
    # limit, and above 80 % of it a worker of dask takes no more tasks.
    "MALLOC_TRIM_THRESHOLD_": "65536",
}


class OpenRunner(Protocol):
    """A runner that is ready for the stages of a build, one after another."""

    #: For the manifest, such as `FnApiRunner` or `dask, 2 local workers`.
    name: str

    def run(self, transform: beam.PTransform, label: str) -> None:
        """Runs one transform from the root to its end; raises WebtextError when it fails."""

    def warm_up(self, work: Callable[[], object]) -> None:
        """Begins to do it once in each worker process, where that has its own; does not wait.

        What goes wrong with it is not told: the stage that it is for will meet it again.
        """

    def activity(self) -> str:
        """One short line on what it does now, for the progress display."""


class RunnerKind(ABC):
    """One way to carry a build."""

    #: Its settings, the section `[runner.NAME]`; here none.
    settings: ClassVar[type[Settings]] = Settings
    #: Whether options that Beam's Python does not know go on to a service that may.
    takes_any_option: ClassVar[bool] = False

    def __init__(self, runner: RunnerSettings, own: Settings) -> None:
        """`runner` is the section `[runner]`, `own` the section of this runner in it."""
        self.runner, self.own = runner, own

    @abstractmethod
    def open(self, options: Sequence[str], root: str) -> AbstractContextManager[OpenRunner]:
        """Opens it; `options` are Beam's, as the user gave them.

        `root` is where the stages write: each worker on another machine must reach it.
        Raises SettingError for settings that cannot work, WebtextError when a cluster cannot be
        reached or would not do the work.
        """

    def prepared(self, modules: Sequence[str]) -> AbstractContextManager[object]:
        """Begins what takes time before it is opened; entered once, and left after it is closed.

        `modules` are what its processes will import.
        """
        return nullcontext()

    def memory_limit(self) -> tuple[str, int] | None:
        """The setting that limits the memory of a worker, and the bytes; None: nobody looks."""
        return None

    def scheduler_memory(self, workers: int, job: float) -> int:
        """Bytes of memory for a process that hands tasks to so many workers; 0: there is none.

        `job` is the size in bytes of the largest plan of a step.
        """
        return 0

    def processes(self) -> int:
        """How many processes carry a build at once, as far as the settings tell."""
        return self.runner.worker_count()


RUNNERS = Registry("webtext.runners", RunnerKind, "runner")  # type: ignore[type-abstract]


def needed(value: str, key: str, example: str) -> str:
    """The value; SettingError when it is empty."""
    if not value:
        raise SettingError(f"{key} is not set", f'Set it in the recipe: {key} = "{example}"')
    return value
