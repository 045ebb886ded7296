"""Dask clusters that a build makes for itself on other machines: ssh, Slurm, Kubernetes.

Their packages are extras and are imported late.  Each worker is a process of one
thread, whose hash seed is set before its Python starts.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any

import dask
import distributed

from pipeline.engine.runners.dask_settings import DaskSettings
from pipeline.engine.runners.runner_kind import WORKER_ENVIRONMENT, needed
from pipeline.engine.runners.scheduler_size import CORES, scheduler_memory
from pipeline.store.errors import SettingError, WebtextError

#: What a worker's environment must have.
ENVIRONMENT = {**WORKER_ENVIRONMENT, "DASK_LOGGING__DISTRIBUTED": "error"}
#: SSHCluster learns addresses from what scheduler and workers log, and waits for ever for
#: those that say nothing.
_TALKING = {
    "logging.distributed": "info",
    "distributed.logging.distributed": "info",
    "distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT,
}


def worker_environment() -> AbstractContextManager[Any]:
    """Makes nannies start their workers with `ENVIRONMENT`; in force inside the block.

    A worker, or what it is forked from, reads its hash seed from the environment it starts in.
    """
    config: AbstractContextManager[Any] = dask.config.set(
        {"distributed.nanny.pre-spawn-environ": ENVIRONMENT}
    )
    return config


@contextmanager
def made_cluster(settings: DaskSettings, workers: int) -> Iterator[tuple[Any, int]]:
    """(cluster, number of its workers); ended when the block ends.

    `workers` is the number of pods, where pods are made.

    Raises SettingError for missing settings or packages, WebtextError when it does not start.
    """
    kind = settings.cluster
    make = {"ssh": _ssh, "slurm": _slurm, "kubernetes": _kubernetes}[kind]
    with worker_environment():
        try:
            cluster, count = make(settings, workers)
        except WebtextError:
            raise
        except Exception as error:  # asyncssh, kubernetes and dask have no class in common
            raise WebtextError(
                f"The {kind} cluster did not start: {type(error).__name__}: {error}",
                f"Check runner.dask.{kind}",
            ) from error
        with cluster:
            yield cluster, count


def wait_for_workers(client: distributed.Client, count: int, seconds: int) -> None:
    """Waits until all workers are there; WebtextError when some do not come in time."""
    try:
        client.wait_for_workers(count, timeout=seconds)
    except TimeoutError:
        raise WebtextError(
            f"{len(client.nthreads())} of {count} dask workers came within {seconds} s",
            "Look at the workers' logs, or raise runner.dask.start_timeout",
        ) from None


def _package(name: str, kind: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise SettingError(
            f'runner.dask.cluster = "{kind}" needs the package {name.split(".", maxsplit=1)[0]}',
            f"pip install 'webtext[{kind}]'",
        ) from None


def _ssh(settings: DaskSettings, _workers: int) -> tuple[Any, int]:
    _package("asyncssh", "ssh")
    ssh = settings.ssh
    if len(ssh.hosts) < 2:
        raise SettingError(
            "runner.dask.ssh.hosts names no worker",
            'Name the scheduler\'s host, then the workers\': hosts = ["a", "a", "b"]',
        )
    interface = {"interface": ssh.interface} if ssh.interface else {}
    with dask.config.set(_TALKING):
        cluster = distributed.SSHCluster(
            list(ssh.hosts),
            connect_options={"username": ssh.username} if ssh.username else {},
            scheduler_options=interface,
            worker_options={
                "nthreads": 1,
                "n_workers": ssh.processes,
                "memory_limit": settings.memory_limit_mb * 1_000_000,
                **interface,
            },
            remote_python=f"{ssh.python} -P",
        )
    return cluster, ssh.processes * (len(ssh.hosts) - 1)


def _slurm(settings: DaskSettings, _workers: int) -> tuple[Any, int]:
    jobqueue = _package("dask_jobqueue", "slurm")
    slurm = settings.slurm
    seed = [f"export {name}={value}" for name, value in ENVIRONMENT.items()]
    cluster = jobqueue.SLURMCluster(
        queue=slurm.queue or None,
        account=slurm.account or None,
        walltime=slurm.walltime,
        cores=slurm.processes,
        processes=slurm.processes,
        memory=f"{slurm.processes * settings.memory_limit_mb}MB",
        interface=slurm.interface or None,
        job_extra_directives=list(slurm.directives),
        job_script_prologue=[*seed, *slurm.prologue],
        python=f"{slurm.python or sys.executable} -P",
    )
    cluster.scale(jobs=slurm.jobs)
    return cluster, slurm.jobs * slurm.processes


def kubernetes_spec(settings: DaskSettings, workers: int) -> dict[str, Any]:
    """The DaskCluster resource that the operator makes pods of."""
    operator = _package("dask_kubernetes.operator", "kubernetes")
    kubernetes = settings.kubernetes
    memory = f"{settings.memory_limit_mb}M"
    resources = {"cpu": kubernetes.cpu, "memory": memory}
    spec: dict[str, Any] = operator.make_cluster_spec(
        name=kubernetes.cluster,
        image=needed(kubernetes.image, "runner.dask.kubernetes.image", "registry/worker:1.0"),
        n_workers=workers,
        resources={"requests": resources, "limits": resources},
        env=ENVIRONMENT,
        worker_command="dask worker --nthreads 1",
    )
    spec["metadata"]["namespace"] = kubernetes.namespace
    # The operator gives the scheduler what a worker gets.
    memory = f"{scheduler_memory(settings.parts(workers)) // 1_000_000}M"
    (scheduler,) = spec["spec"]["scheduler"]["spec"]["containers"]
    scheduler["resources"] = {"requests": {"cpu": str(CORES), "memory": memory}}
    return spec


def _kubernetes(settings: DaskSettings, workers: int) -> tuple[Any, int]:
    spec = kubernetes_spec(settings, workers)
    operator = _package("dask_kubernetes.operator", "kubernetes")
    namespace = settings.kubernetes.namespace
    cluster = operator.KubeCluster(custom_cluster_spec=spec, namespace=namespace)
    return cluster, workers
