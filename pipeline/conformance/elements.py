"""Conformance cases on elements: maps, tags, flattening, bundles, dead letters."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.pvalue import PBegin
from apache_beam.transforms import window

from pipeline.conformance.cases import Outputs, case, numbers
from pipeline.store import files


@case("elements")
def maps(root: PBegin, scratch: str) -> Outputs:
    one = root | "one" >> beam.Create(["x"])
    return {
        "squares": numbers(root) | "square" >> beam.Map(lambda x: x * x),
        "repeated": one | "repeat" >> beam.FlatMap(lambda x: [x] * 3),
    }


class Lifecycle(beam.DoFn):
    """Emits from finish_bundle, after setup; leaves a file at teardown."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def setup(self) -> None:
        self._ready = True

    def start_bundle(self) -> None:
        if not self._ready:
            raise RuntimeError("setup did not come first")
        self._sum = 0

    def process(self, element: int) -> list[int]:
        self._sum += element
        return []

    def finish_bundle(self) -> Iterator[Any]:
        yield window.GlobalWindows.windowed_value(self._sum)

    def teardown(self) -> None:
        files.write_bytes(files.join(self._folder, f"teardown-{os.getpid()}"), b"")


@case("elements")
def lifecycle(root: PBegin, scratch: str) -> Outputs:
    sums = numbers(root) | beam.ParDo(Lifecycle(scratch))
    return {"sum": sums | beam.CombineGlobally(sum)}


def _tags(number: int) -> Iterator[Any]:
    if number % 3 == 0:
        yield pvalue.TaggedOutput("three", number)
    if number % 5 == 0:
        yield pvalue.TaggedOutput("five", str(number))
    yield number


@case("elements")
def tagged_outputs(root: PBegin, scratch: str) -> Outputs:
    out = numbers(root) | beam.FlatMap(_tags).with_outputs("three", "five", "never", main="main")
    five = out.five | beam.Map(lambda text: text + "!")
    return {"main": out.main, "three": out.three, "five": five, "never": out.never}


@case("elements")
def partitions(root: PBegin, scratch: str) -> Outputs:
    split = numbers(root) | beam.Partition(lambda x, n: x % n, 4)
    return {f"part{i}": collection for i, collection in enumerate(split)}


@case("elements")
def several_leaves(root: PBegin, scratch: str) -> Outputs:
    left = numbers(root, "left")
    return {
        "left": left,
        "odd": left | beam.Filter(lambda x: x % 2),
        "right": root | "right" >> beam.Create(list("abc")),
    }


@case("elements")
def flattened(root: PBegin, scratch: str) -> Outputs:
    a, b = numbers(root, "a", 50), root | "b" >> beam.Create(list("abc"))
    nothing = root | "nothing" >> beam.Create([])
    both = (a, b, nothing) | "both" >> beam.Flatten()
    twice = (both, b) | "again" >> beam.Flatten() | beam.Map(lambda x: (str(x), 1))
    return {
        "both": both,
        "doubled": (a, a) | "doubled" >> beam.Flatten(),
        "counted": twice | beam.CombinePerKey(sum),
        "none": () | "none" >> beam.Flatten(pipeline=root.pipeline),
    }


@case("elements")
def reshuffled(root: PBegin, scratch: str) -> Outputs:
    first = numbers(root) | "add" >> beam.Map(lambda x: x + 1) | "deal" >> beam.Reshuffle()
    return {"out": first | "double" >> beam.Map(lambda x: x * 2) | "deal2" >> beam.Reshuffle(3)}


@case("elements")
def batches(root: PBegin, scratch: str) -> Outputs:
    made = numbers(root) | beam.BatchElements(min_batch_size=7, max_batch_size=7)
    return {
        "all": made | beam.FlatMap(lambda batch: batch),
        "too_big": made | beam.Filter(lambda batch: len(batch) > 7),
    }


@case("elements")
def dead_letters(root: PBegin, scratch: str) -> Outputs:
    good, bad = (
        root
        | beam.Create(list(range(-20, 20)))
        | beam.Map(lambda x: 100 // (x % 5)).with_exception_handling()
    )
    return {"good": good, "bad": bad | "name" >> beam.Map(lambda x: (x[0], x[1][0].__name__))}
