"""Conformance cases on side inputs."""

from __future__ import annotations

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.pvalue import PBegin
from apache_beam.transforms import combiners

from pipeline.conformance.cases import Outputs, case, numbers, pairs


@case("sides")
def singleton(root: PBegin, scratch: str) -> Outputs:
    one, none = root | "one" >> beam.Create([7]), root | "none" >> beam.Create([])
    return {
        "out": numbers(root)
        | "join"
        >> beam.Map(
            lambda x, a, b: (x, a, b),
            pvalue.AsSingleton(one),
            b=pvalue.AsSingleton(none, default_value="default"),
        )
    }


@case("sides")
def iterable_and_list(root: PBegin, scratch: str) -> Outputs:
    side = numbers(root, "side", 50)
    join = beam.Map(lambda x, a, b: (x, sum(a), len(b)), pvalue.AsIter(side), pvalue.AsList(side))
    return {"out": numbers(root) | "join" >> join}


@case("sides")
def dict_and_multimap(root: PBegin, scratch: str) -> Outputs:
    keyed = pairs(root)
    counts = keyed | combiners.Count.PerKey()
    join = beam.Map(
        lambda key, a, b: (key, a[key], sorted(b[key])),
        pvalue.AsDict(counts),
        pvalue.AsMultiMap(keyed),
    )
    return {"out": root | beam.Create([f"k{i}" for i in range(37)]) | "join" >> join}


@case("sides")
def of_a_group_and_of_nothing(root: PBegin, scratch: str) -> Outputs:
    sizes = pairs(root) | beam.GroupByKey() | beam.MapTuple(lambda k, v: (k, len(list(v))))
    nothing = root | "nothing" >> beam.Create([])
    join = beam.Map(
        lambda x, d, e: (x, len(d), list(e)), pvalue.AsDict(sizes), pvalue.AsIter(nothing)
    )
    return {"out": numbers(root, n=20) | "join" >> join}


@case("sides")
def of_the_same_source(root: PBegin, scratch: str) -> Outputs:
    made = numbers(root) | "add" >> beam.Map(lambda x: x + 1)
    total = made | beam.CombineGlobally(sum)
    return {"out": made | "join" >> beam.Map(lambda x, t: (x, t), pvalue.AsSingleton(total))}


@case("sides")
def of_a_flatten(root: PBegin, scratch: str) -> Outputs:
    side = (numbers(root, "a", 3), root | "b" >> beam.Create([9])) | beam.Flatten()
    join = beam.Map(lambda x, s: sorted(s), pvalue.AsIter(side))
    return {"out": root | beam.Create([0]) | "join" >> join}
