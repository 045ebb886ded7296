"""The runners of one build: each opened once, at first need or while an earlier stage runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pipeline.engine.runners.profiles import RunnerSettings
from pipeline.engine.stage import Effort

if TYPE_CHECKING:
    from pipeline.engine.runners.runner_kind import OpenRunner


class RunnerPool:
    """Gives the runner for each stage by what the stage takes; ends all of them at its exit.

    A build that has nothing or little to do starts no cluster.
    """

    def __init__(
        self, runner: RunnerSettings, options: Sequence[str], root: str, modules: Sequence[str] = ()
    ) -> None:
        """`options` and `root` are as for `open_runner`; `modules` are what stages import."""
        self._runner, self._options, self._root = runner, options, root
        self._modules = modules
        self._opened: dict[str, Future[OpenRunner]] = {}
        self._thread = ThreadPoolExecutor(1, "webtext-start")
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Waits for workers that are about to start, too."""
        self._thread.shutdown()
        self._stack.__exit__(kind, error, traceback)

    def runner_for(self, effort: Effort) -> tuple[OpenRunner, int]:
        """The runner, and how many processes it has; raises as `open_runner` does."""
        settings = self._runner.for_work(effort, started="dask" in self._opened)
        if settings.name not in self._opened:
            self._prepare(settings)
            opened: Future[OpenRunner] = Future()
            opened.set_result(self._open(settings))
            self._opened[settings.name] = opened
        return self._opened[settings.name].result(), settings.parallel()

    def expect(self, effort: Effort, warm_ups: Iterable[Callable[[], object]] = ()) -> None:
        """Begins to start the workers that a later stage will want, if they are worth it.

        Each does the `warm_ups`.  What goes wrong is raised where they are asked for.
        """
        settings = self._runner.for_work(effort)
        if settings.name == "dask" and settings.name not in self._opened:
            self._prepare(settings)
            self._opened[settings.name] = self._thread.submit(self._open, settings, warm_ups)

    def _prepare(self, settings: RunnerSettings) -> None:
        self._stack.enter_context(settings.chosen().prepared(self._modules))

    def _open(
        self, settings: RunnerSettings, warm_ups: Iterable[Callable[[], object]] = ()
    ) -> OpenRunner:
        from pipeline.engine.runners.open import open_runner  # noqa: PLC0415  # imports Beam

        runner = self._stack.enter_context(open_runner(settings, self._options, self._root))
        for work in warm_ups:
            runner.warm_up(work)
        return runner
