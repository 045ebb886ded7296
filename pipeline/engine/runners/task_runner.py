"""Beam's FnApiRunner as planner: what all runners share that carry its fused stages as tasks.

FnApiRunner checks, lifts and fuses the pipeline here, on the submitting side; a subclass
carries the tasks of the plan (`task_plan.py`) on its engine.  It leans on private parts of
Beam, so the version is checked.
"""

from __future__ import annotations

import itertools
from abc import abstractmethod
from typing import Any

import apache_beam as beam
from apache_beam.metrics.monitoring_infos import consolidate
from apache_beam.portability import common_urns, python_urns
from apache_beam.portability.api import beam_runner_api_pb2 as pb
from apache_beam.portability.api import metrics_pb2
from apache_beam.runners.portability.fn_api_runner import fn_runner
from apache_beam.runners.runner import PipelineState

from pipeline.engine.runners.task_plan import TaskPlan, plan_tasks
from pipeline.engine.runners.translate import fused_stages
from pipeline.store.errors import WebtextError

_BEAM = "2.77."


class TaskRunner(fn_runner.FnApiRunner):
    """FnApiRunner whose fused stages run as tasks of another engine."""

    def __init__(self, partitions: int) -> None:
        """Raises WebtextError for a version of Beam that it was not tested with."""
        if not beam.__version__.startswith(_BEAM):
            raise WebtextError(
                f"The runners dask and spark need apache-beam {_BEAM}*, not {beam.__version__}",
                "Install with the constraints file of this project",
            )
        super().__init__()
        self._partitions = partitions

    @abstractmethod
    def execute(self, plan: TaskPlan) -> dict[str, list[bytes]]:
        """Runs all tasks; {name of a stage: encoded metrics of its tasks}.

        The first failure ends the rest and is raised.
        """

    @staticmethod
    def supported_requirements() -> tuple[str, ...]:
        """What pipelines may ask for: state, timers, splittable DoFns."""
        return (
            common_urns.requirements.REQUIRES_STATEFUL_PROCESSING.urn,
            common_urns.requirements.REQUIRES_SPLITTABLE_DOFN.urn,
        )

    def _check_requirements(self, pipeline: pb.Pipeline) -> None:
        name = type(self).__name__
        try:
            super()._check_requirements(pipeline)
        except ValueError as error:
            raise NotImplementedError(f"{name}: {error}") from None
        for collection in pipeline.components.pcollections.values():
            if collection.is_bounded == pb.IsBounded.UNBOUNDED:
                raise NotImplementedError(
                    f"{name} runs bounded pipelines; {collection.unique_name} is unbounded"
                )
        for environment in pipeline.components.environments.values():
            if environment.urn != python_urns.EMBEDDED_PYTHON:
                raise NotImplementedError(
                    f"{name} runs Python transforms only, not {environment.urn}"
                )

    def create_stages(self, pipeline: pb.Pipeline) -> tuple[Any, list[Any]]:
        """Called by FnApiRunner with the checked pipeline."""
        return fused_stages(pipeline)

    def run_stages(self, context: Any, stages: list[Any]) -> Any:
        """Called by FnApiRunner: runs the whole plan and returns its result and metrics."""
        found = self.execute(plan_tasks(context, stages, self._partitions))
        merged = {
            name: list(consolidate(map(metrics_pb2.MonitoringInfo.FromString, encoded)))
            for name, encoded in found.items()
        }
        merged[""] = list(consolidate(itertools.chain(*merged.values())))
        return fn_runner.RunnerResult(PipelineState.DONE, merged)
