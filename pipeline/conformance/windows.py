"""Conformance cases on event time and windows."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.pvalue import PBegin
from apache_beam.transforms import window
from apache_beam.transforms.window import TimestampedValue

from pipeline.conformance.cases import Outputs, case, numbers


def stamped(root: PBegin) -> beam.PCollection:
    made = root | "make" >> beam.Create([(f"k{i % 3}", i) for i in range(100)])
    return made | "stamp" >> beam.Map(lambda pair: TimestampedValue(pair, pair[1]))


def _with_window(pair: Any, w: Any = beam.DoFn.WindowParam) -> Any:
    return (*pair, float(w.start), float(w.end))


@case("windows")
def fixed(root: PBegin, scratch: str) -> Outputs:
    made = stamped(root) | beam.WindowInto(window.FixedWindows(10)) | beam.GroupByKey()
    return {"out": made | "show" >> beam.Map(_with_window)}


@case("windows")
def sliding(root: PBegin, scratch: str) -> Outputs:
    made = stamped(root) | beam.WindowInto(window.SlidingWindows(20, 5)) | beam.CombinePerKey(sum)
    return {"out": made | "show" >> beam.Map(_with_window)}


@case("windows")
def sessions(root: PBegin, scratch: str) -> Outputs:
    made = stamped(root) | beam.Filter(lambda pair: pair[1] % 17 < 9)
    made = made | beam.WindowInto(window.Sessions(3)) | beam.GroupByKey()
    return {"out": made | "show" >> beam.Map(_with_window)}


@case("windows")
def reshuffle_keeps_windows(root: PBegin, scratch: str) -> Outputs:
    made = stamped(root) | beam.WindowInto(window.FixedWindows(10)) | beam.Reshuffle()
    return {"out": made | "show" >> beam.Map(_with_window)}


@case("windows")
def windowed_side(root: PBegin, scratch: str) -> Outputs:
    ten = window.FixedWindows(10)
    side = stamped(root) | "w1" >> beam.WindowInto(ten) | beam.Values()
    sums = side | beam.CombineGlobally(sum).without_defaults()
    main = numbers(root, n=100) | "stamp2" >> beam.Map(lambda x: TimestampedValue(x, x))
    main = main | "w2" >> beam.WindowInto(ten)
    return {"out": main | "join" >> beam.Map(lambda x, v: (x, v), pvalue.AsSingleton(sums))}
