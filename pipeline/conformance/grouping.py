"""Conformance cases on grouping and combining by key."""

from __future__ import annotations

import apache_beam as beam
from apache_beam.pvalue import PBegin
from apache_beam.transforms import combiners

from pipeline.conformance.cases import N, Outputs, case, pairs


@case("grouping")
def group_by_key(root: PBegin, scratch: str) -> Outputs:
    return {"out": pairs(root) | beam.GroupByKey()}


@case("grouping")
def key_types(root: PBegin, scratch: str) -> Outputs:
    keys = [1, 1.0, True, "1", b"1", None, (1, "a"), (1.0, "a"), (), -(2**70), "ü"]
    made = root | beam.Create([(key, i) for i in range(20) for key in keys])
    return {"out": made | beam.GroupByKey()}


@case("grouping")
def joined(root: PBegin, scratch: str) -> Outputs:
    right = root | "right" >> beam.Create([(f"k{i % 50}", str(i)) for i in range(N)])
    return {"out": {"left": pairs(root), "right": right} | beam.CoGroupByKey()}


@case("grouping")
def combined(root: PBegin, scratch: str) -> Outputs:
    keyed = pairs(root)
    values = keyed | beam.Values()
    return {
        "sum": keyed | "sum" >> beam.CombinePerKey(sum),
        "mean": keyed | "mean" >> combiners.Mean.PerKey(),
        "count": keyed | "count" >> combiners.Count.PerKey(),
        "total": values | "total" >> beam.CombineGlobally(sum),
        "largest": values | "largest" >> beam.CombineGlobally(max).without_defaults(),
        "list": values | combiners.ToList(),
        "hot": keyed | "hot" >> beam.CombinePerKey(sum).with_hot_key_fanout(3),
        "fanout": values | "fanout" >> beam.CombineGlobally(sum).with_fanout(4),
    }


@case("grouping")
def grouped_rows(root: PBegin, scratch: str) -> Outputs:
    rows = root | beam.Create([beam.Row(key=f"k{i % 5}", value=i) for i in range(N)])
    sums = rows | beam.GroupBy("key").aggregate_field("value", sum, "total")
    return {"out": sums | "tuple" >> beam.Map(lambda row: (row.key, row.total))}


@case("grouping")
def distinct_and_top(root: PBegin, scratch: str) -> Outputs:
    values = root | beam.Create([i % 91 for i in range(N)])
    return {
        "distinct": values | beam.Distinct(),
        "top": values | combiners.Top.Of(5),
        "smallest": values | combiners.Top.Smallest(3),
        "each": pairs(root) | combiners.Top.PerKey(2),
    }


@case("grouping")
def empty(root: PBegin, scratch: str) -> Outputs:
    nothing = root | beam.Create([])
    keyed = nothing | "key" >> beam.Map(lambda x: (x, 1))
    return {
        "grouped": keyed | beam.GroupByKey(),
        "sum": nothing | beam.CombineGlobally(sum),
        "count": nothing | combiners.Count.Globally(),
        "dealt": nothing | beam.Reshuffle(),
        "distinct": nothing | beam.Distinct(),
        "batched": nothing | beam.BatchElements(),
    }


@case("grouping")
def diamond(root: PBegin, scratch: str) -> Outputs:
    keyed = pairs(root)
    sums = keyed | "sums" >> beam.CombinePerKey(sum)
    sizes = keyed | "group" >> beam.GroupByKey() | beam.MapTuple(lambda k, v: (k, len(list(v))))
    both = (sums, sizes) | beam.CoGroupByKey()
    turned = both | "turn" >> beam.MapTuple(lambda k, v: (next(iter(v[1])), next(iter(v[0]))))
    return {"out": turned | "again" >> beam.GroupByKey(), "sums": sums}
