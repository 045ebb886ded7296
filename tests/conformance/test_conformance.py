"""Every runner gives what FnApiRunner gives, for the cases of `pipeline/conformance`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.periodicsequence import PeriodicImpulse

from pipeline.conformance import GROUPS, Results, differences, run_group
from pipeline.conformance.cases import pairs
from pipeline.engine.runners.cluster import DaskBuild
from pipeline.engine.runners.dask import DaskRunner
from pipeline.engine.runners.open import open_runner
from pipeline.engine.runners.profiles import RunnerSettings
from pipeline.engine.runners.runner_kind import OpenRunner
from pipeline.store.errors import WebtextError


@pytest.fixture
def dask(dask_build: DaskBuild) -> DaskBuild:
    return dask_build


#: What FnApiRunner gives for a group, but for some of its cases.
Control = Callable[..., Results]


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Control:
    """Each group runs once, whatever is compared with it."""

    @functools.cache
    def all_of(group: str) -> Results:
        with open_runner(RunnerSettings(name="local")) as runner:
            found = run_group(group, runner, str(tmp_path_factory.mktemp("control")))
        assert {name.split(".")[0] for name in found} == set(GROUPS[group])
        return found

    def without(group: str, left_out: Collection[str] = ()) -> Results:
        found = all_of(group).items()
        return {name: rows for name, rows in found if name.split(".")[0] not in left_out}

    return without


#: Groups that run in every test run; the rest takes longer to translate and is `system`.
CORE = {"grouping"}


@pytest.mark.parametrize(
    "group",
    [pytest.param(g, marks=() if g in CORE else pytest.mark.system) for g in GROUPS],
)
def test_dask_agrees_with_fnapirunner(
    group: str, dask: OpenRunner, control: Control, tmp_path: Path
) -> None:
    assert differences(run_group(group, dask, str(tmp_path)), control(group)) == {}


#: Cases that write by Beam's own sinks, which no stage of ours uses.
BEAM_SINKS = {"written_text", "written_parquet", "written_files"}
#: What Prism 2.77 cannot do: session windows (it gives nothing, and Beam itself keeps them
#: away from it), Beam's sinks (it panics with "assignment to entry in nil map"), and on a busy
#: machine now and then the last batch of a key, which a timer at the window's end would give.
NOT_ON_PRISM = {"sessions", "group_into_batches", "batches_with_time_out", *BEAM_SINKS}


@pytest.mark.system
@pytest.mark.parametrize("group", GROUPS)
def test_prism_agrees_with_fnapirunner(
    group: str, prism: Path, control: Control, tmp_path: Path
) -> None:
    options = [f"--prism_location={prism}"]
    with open_runner(RunnerSettings(name="prism"), options) as runner:
        found = run_group(group, runner, str(tmp_path), NOT_ON_PRISM)
    assert differences(found, control(group, NOT_ON_PRISM)) == {}


@pytest.mark.system
@pytest.mark.parametrize("group", GROUPS)
def test_repeated_bundles_change_nothing(group: str, control: Control, tmp_path: Path) -> None:
    # Beam's sinks have moved their files when they are asked again, and then name none.
    options = ["--direct_runner_bundle_repeat=2"]
    with open_runner(RunnerSettings(name="local"), options) as runner:
        found = run_group(group, runner, str(tmp_path), BEAM_SINKS)
    assert differences(found, control(group, BEAM_SINKS)) == {}


class Measured(beam.DoFn):
    def process(self, element):
        Metrics.counter("conformance", "count").inc()
        Metrics.distribution("conformance", "size").update(element[1])
        yield element


def test_metrics_add_up_over_tasks(dask: DaskBuild) -> None:
    pipeline = beam.Pipeline(runner=DaskRunner(dask.client, 3), options=PipelineOptions([]))
    pairs(pipeline) | beam.Reshuffle() | beam.ParDo(Measured())
    found = pipeline.run().metrics().query(MetricsFilter().with_namespace("conformance"))
    assert [counter.committed for counter in found["counters"]] == [300]
    size = found["distributions"][0].committed
    assert (size.count, size.sum, size.min, size.max) == (300, 44850, 0, 299)


class Timed(beam.PTransform):
    """How many elements arrive through a side input of a stage that has timers."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def expand(self, root):
        batches = pairs(root) | beam.GroupIntoBatches(5) | beam.FlatMapTuple(lambda k, v: v)
        side = beam.pvalue.AsList(batches)
        return root | beam.Create([self._path]) | "Count" >> beam.Map(_count, side)


def _count(path: str, side: list[int]) -> int:
    return Path(path).write_text(f"{len(side)} {sum(side)}")


def count_timed(runner: OpenRunner, path: Path) -> str:
    runner.run(Timed(str(path)), "timed")
    return path.read_text()


def test_side_input_from_a_stage_with_timers(dask: OpenRunner, tmp_path: Path) -> None:
    """FnApiRunner doubles these elements, so it is no control here: the count is known."""
    assert count_timed(dask, tmp_path / "dask") == "300 44850"


@pytest.mark.system
def test_side_input_from_a_stage_with_timers_on_prism(prism: Path, tmp_path: Path) -> None:
    """And Beam's other runner says so too."""
    with open_runner(RunnerSettings(name="prism"), [f"--prism_location={prism}"]) as runner:
        assert count_timed(runner, tmp_path / "prism") == "300 44850"


class Unkeyable:
    def __init__(self, number: int) -> None:
        self.number = number


class BadKey(beam.PTransform):
    def expand(self, root):
        return root | beam.Create([(Unkeyable(1), 1)]) | beam.GroupByKey()


class Unbounded(beam.PTransform):
    def expand(self, root):
        return root | PeriodicImpulse(fire_interval=0.1)


@pytest.mark.parametrize(
    ("transform", "said"),
    [(BadKey(), "deterministic"), (Unbounded(), "bounded")],
    ids=["bad key", "unbounded"],
)
def test_what_cannot_be_right_is_refused(
    transform: beam.PTransform, said: str, dask: OpenRunner
) -> None:
    with pytest.raises(WebtextError, match=said) as caught:
        dask.run(transform, "wrong")
    assert "Stage wrong failed" in caught.value.what
