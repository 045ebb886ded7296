"""Spark applications: started for a build, checked, and ended with it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import IO, Any

import apache_beam as beam
from py4j.protocol import Py4JError, Py4JJavaError
from pyspark import BarrierTaskContext, SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.java_gateway import launch_gateway

from pipeline.engine.runners.beam_runner import parse_options, run_pipeline
from pipeline.engine.runners.preflight import check_shared, check_worker, installation
from pipeline.engine.runners.runner_kind import WORKER_ENVIRONMENT
from pipeline.engine.runners.spark import SparkRunner
from pipeline.engine.runners.spark_settings import SparkSettings
from pipeline.store.errors import WebtextError

_LOOK = 0.2  # seconds between two looks for executors
_SETTLED = (
    2.0  # seconds without a new executor after which all are there, where none were asked for
)


class SparkBuild:
    """A Spark application, ready for the stages of a build."""

    def __init__(
        self, context: SparkContext, own: SparkSettings, cores: int, options: Sequence[str]
    ) -> None:
        where = f"{cores} local cores" if own.is_local else f"{cores} cores"
        self.name = f"spark {context.version}, {where}"
        self._context, self._own, self._options = context, own, list(options)
        self._partitions = own.partitions or 2 * cores
        self._activity = ""

    def run(self, transform: beam.PTransform, label: str) -> None:
        """Runs one transform; blocks."""
        runner = SparkRunner(self._context, self._partitions, self._count)
        pipeline = beam.Pipeline(runner=runner, options=parse_options(self._options))
        with _spark_errors():
            run_pipeline(pipeline, transform, label)

    def warm_up(self, work: Callable[[], object]) -> None:
        """Nothing: Spark starts a Python process with its first task."""

    def activity(self) -> str:
        """Executors and tasks."""
        return self._activity

    def _count(self, done: int, total: int) -> None:
        tasks = f"{done}/{total} tasks"
        here = self._own.is_local
        self._activity = tasks if here else f"{_executors(self._context)} executors, {tasks}"


@contextmanager
def open_spark(
    own: SparkSettings, workers: int, options: Sequence[str], root: str
) -> Iterator[SparkBuild]:
    """Starts an application; `workers` are the cores of `local[*]`.

    `root` is where stages write; executors elsewhere are checked for reaching it.
    Raises WebtextError when there is no Java, when the master gives no executors, or when
    they would not do.
    """
    _check_java()
    with _application(own, workers) as context:
        cores = own.local_cores(workers)
        if not own.is_local:
            cores = own.cores * _wait_for_executors(context, own)
            with _spark_errors():
                everywhere = partial(_everywhere, context, cores)
                for address, answer in sorted(everywhere(installation).items()):
                    check_worker(address, answer)
                if root:
                    check_shared(everywhere, root)
        yield SparkBuild(context, own, cores, options)


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME", "")
    if not (home or shutil.which("java")):
        raise WebtextError(
            "Spark is a Java program, and there is no `java` here",
            "Install Java 17 or newer, such as Debian's openjdk-17-jre-headless",
        )


@contextmanager
def _application(own: SparkSettings, workers: int) -> Iterator[SparkContext]:
    """The application, whose Java process ends with the block; what that prints is kept aside."""
    conf = SparkConf(loadDefaults=False)
    properties = own.properties(workers)
    for name, value in WORKER_ENVIRONMENT.items():
        properties.setdefault(f"spark.executorEnv.{name}", value)
    conf.setAll(list(properties.items()))
    interrupted = signal.getsignal(signal.SIGINT)  # Spark puts its own handler there
    with tempfile.TemporaryFile() as printed:
        gateway = None
        try:
            gateway = launch_gateway(conf, {"stdout": printed, "stderr": printed})
            context = SparkContext(conf=conf, gateway=gateway)
        except (PySparkException, Py4JError) as error:
            _end(gateway)
            raise WebtextError(
                f"Spark did not start on {own.master}: {_reason(printed)}",
                "Check runner.spark",
            ) from error
        try:
            context.environment["PYTHONHASHSEED"] = "0"
            context.pythonExec = own.python or _python(own)
            yield context
        finally:
            with suppress(Py4JError, OSError):  # it may have ended by itself
                context.stop()
            _end(gateway)
            _restore(interrupted)


def _python(own: SparkSettings) -> str:
    return "python3" if own.master.startswith("k8s://") else sys.executable


def _restore(handler: Any) -> None:
    with suppress(ValueError):  # signals belong to the main thread
        signal.signal(signal.SIGINT, handler)


def _end(gateway: Any) -> None:
    """Ends the Java process, which would stay for the next application of this process."""
    SparkContext._gateway = SparkContext._jvm = None
    if gateway is not None:
        with suppress(Py4JError, OSError):
            gateway.shutdown()
        gateway.proc.stdin.close()  # it ends when this pipe does
        gateway.proc.wait()


def _reason(printed: IO[bytes]) -> str:
    """The line of what Java printed that says most."""
    printed.seek(0)
    lines = printed.read().decode(errors="replace").splitlines()
    telling = [line.strip() for line in lines if re.search(r"Exception|Error|ERROR", line)]
    return (telling or [line for line in lines if line.strip()] or ["it says nothing"])[-1][:300]


def _executors(context: SparkContext) -> int:
    """Executors that are there; Spark counts this process among them."""
    return int(context._jsc.sc().getExecutorMemoryStatus().size()) - 1


def _wait_for_executors(context: SparkContext, own: SparkSettings) -> int:
    """Waits for those that were asked for, or until no more come; how many there are."""
    started = settled = time.monotonic()
    there = 0
    while time.monotonic() - started < own.start_timeout:
        found = _executors(context)
        if found != there:
            there, settled = found, time.monotonic()
        enough = there >= own.executors if own.executors else time.monotonic() - settled > _SETTLED
        if there and enough:
            return there
        time.sleep(_LOOK)
    wanted = f" of {own.executors}" if own.executors else ""
    raise WebtextError(
        f"{there}{wanted} executors of {own.master} came within {own.start_timeout} s",
        "Look at Spark's master and its workers, set runner.spark.host if they do not reach "
        "this machine by its name, or raise runner.spark.start_timeout",
    )


def _everywhere(context: SparkContext, cores: int, function: Callable[[], Any]) -> dict[str, Any]:
    """What a function gives on each executor: a barrier's tasks all run at once, one a core."""
    tasks = context.parallelize(range(cores), cores).barrier()
    return dict(tasks.mapPartitions(partial(_answer, function)).collect())


def _answer(function: Callable[[], Any], _: Any) -> list[tuple[str, Any]]:
    task = BarrierTaskContext.get()
    address = task.getTaskInfos()[task.partitionId()].address
    try:
        return [(address, function())]
    except Exception as error:
        return [(address, error)]


@contextmanager
def _spark_errors() -> Iterator[None]:
    """Makes an error of Spark itself one of ours; those of steps pass."""
    try:
        yield
    except WebtextError as error:
        cause = error.__cause__
        if isinstance(cause, Py4JError):
            raise _spark_error(cause) from cause
        raise
    except Py4JError as error:
        raise _spark_error(error) from error


#: What Spark says of a lost Python process or a lost executor.
_LOST = re.compile(r"Python worker exited unexpectedly|ExecutorLostFailure|EOFException")
_PYTHON = re.compile(r"Python in worker has different version: (\S+) than that in driver: (\S+?),")
_MODULE = re.compile(r"ModuleNotFoundError: (No module named '[^']+')")


def _spark_error(error: Py4JError) -> WebtextError:
    if isinstance(error, Py4JJavaError):
        return job_error(str(error))
    return WebtextError(
        "The Java process of Spark on this machine has ended",
        "Raise runner.spark.java_memory_mb if it was memory, and run the same command again",
    )


def job_error(text: str) -> WebtextError:
    """What Spark says of a job that it ended, in one line, with what to do."""
    if versions := _PYTHON.search(text):
        return WebtextError(
            f"An executor of Spark runs Python {versions[1]}, this process {versions[2]}",
            "Use the same Python on all machines; runner.spark.python names that of executors",
        )
    if module := _MODULE.search(text):
        return WebtextError(
            f"An executor of Spark cannot load this package: {module[1]}",
            "Install webtext in the same version on all machines; runner.spark.python names "
            "its Python",
        )
    if _LOST.search(text):
        return WebtextError(
            "A step killed its worker 4 times",
            "It may need more memory: use fewer runner.spark.cores, or raise "
            "runner.spark.memory_limit_mb",
        )
    first = re.search(r"(?:SparkException|Exception): (.+)", text)
    return WebtextError(
        f"Spark ended the job: {(first[1] if first else text.splitlines()[-1])[:300]}",
        "Check the cluster, then run the same command again: it goes on from the finished parts",
    )
