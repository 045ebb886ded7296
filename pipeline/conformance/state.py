"""Conformance cases on state, timers and splittable DoFns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.coders import VarIntCoder
from apache_beam.io.restriction_trackers import OffsetRange, OffsetRestrictionTracker
from apache_beam.pvalue import PBegin
from apache_beam.transforms import combiners
from apache_beam.transforms.core import RestrictionProvider
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    CombiningValueStateSpec,
    TimerSpec,
    on_timer,
)

from pipeline.conformance.cases import Outputs, case, pairs


class Counter(beam.DoFn):
    COUNT = CombiningValueStateSpec("count", combine_fn=combiners.CountCombineFn())

    def process(self, pair: Any, count: Any = beam.DoFn.StateParam(COUNT)) -> Iterator[Any]:
        count.add(pair)
        yield pair[0], count.read()


class Hold(beam.DoFn):
    """Holds the values of a key until a timer fires."""

    HELD = BagStateSpec("held", VarIntCoder())
    TIMER = TimerSpec("timer", TimeDomain.WATERMARK)

    def process(
        self,
        pair: Any,
        held: Any = beam.DoFn.StateParam(HELD),
        timer: Any = beam.DoFn.TimerParam(TIMER),
    ) -> list[Any]:
        held.add(pair[1])
        timer.set(10**6)
        return []

    @on_timer(TIMER)
    def fire(
        self, key: Any = beam.DoFn.KeyParam, held: Any = beam.DoFn.StateParam(HELD)
    ) -> Iterator[Any]:
        yield key, sorted(held.read())
        held.clear()


@case("state")
def counter(root: PBegin, scratch: str) -> Outputs:
    first = pairs(root) | "count" >> beam.ParDo(Counter())
    again = first | beam.Map(lambda pair: (pair[1] % 4, 1)) | "count2" >> beam.ParDo(Counter())
    return {
        "first": first | beam.CombinePerKey(max),
        "again": again | "max" >> beam.CombinePerKey(max),
    }


@case("state")
def timers(root: PBegin, scratch: str) -> Outputs:
    return {"out": pairs(root) | beam.ParDo(Hold())}


@case("state")
def group_into_batches(root: PBegin, scratch: str) -> Outputs:
    made = pairs(root) | beam.GroupIntoBatches(5)
    return {
        "sizes": made | "sizes" >> beam.MapTuple(lambda k, v: (k, len(v))),
        "all": made | "all" >> beam.FlatMapTuple(lambda k, v: [(k, x) for x in v]),
    }


@case("state")
def batches_with_time_out(root: PBegin, scratch: str) -> Outputs:
    made = pairs(root) | beam.GroupIntoBatches(5, max_buffering_duration_secs=1)
    return {"all": made | "all" >> beam.FlatMapTuple(lambda k, v: [(k, x) for x in v])}


class Halves(RestrictionProvider):
    def initial_restriction(self, element: int) -> Any:
        return OffsetRange(0, element)

    def create_tracker(self, restriction: Any) -> Any:
        return OffsetRestrictionTracker(restriction)

    def restriction_size(self, element: int, restriction: Any) -> Any:
        return restriction.size()

    def split(self, element: int, restriction: Any) -> Any:
        return restriction.split(10)


class Offsets(beam.DoFn):
    def process(
        self, element: int, side: str, tracker: Any = beam.DoFn.RestrictionParam(Halves())
    ) -> Iterator[Any]:
        at = tracker.current_restriction().start
        while tracker.try_claim(at):
            yield element, at, side
            at += 1


@case("state")
def splittable(root: PBegin, scratch: str) -> Outputs:
    side = pvalue.AsSingleton(root | "side" >> beam.Create(["side"]))
    return {"out": root | beam.Create([25, 100, 7]) | beam.ParDo(Offsets(), side)}
