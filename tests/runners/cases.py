"""Conformance cases: small Beam pipelines that any runner must give the same result for.

A case is a function from the pipeline's root and a scratch folder to named
PCollections.  Cases of a group run as one pipeline, each under its own label, so
that a runner is judged in a few seconds.  Written values are canonical: the order
of elements, of grouped values and of dict items does not count.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam import pvalue
from apache_beam.coders import VarIntCoder
from apache_beam.io import fileio, parquetio
from apache_beam.io.restriction_trackers import OffsetRange, OffsetRestrictionTracker
from apache_beam.transforms import combiners, window
from apache_beam.transforms.core import RestrictionProvider
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    CombiningValueStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.transforms.window import TimestampedValue

N = 300
Outputs = dict[str, beam.PCollection]
CaseFunction = Callable[[pvalue.PBegin, str], Outputs]
GROUPS: dict[str, dict[str, CaseFunction]] = {}


def case(group: str) -> Callable[[CaseFunction], CaseFunction]:
    def add(function: CaseFunction) -> CaseFunction:
        GROUPS.setdefault(group, {})[function.__name__] = function
        return function

    return add


class Group(beam.PTransform):
    """The cases of a group; an output that is not empty becomes `CASE.OUTPUT.json` in `folder`."""

    def __init__(self, group: str, folder: Path, left_out: Collection[str] = ()) -> None:
        super().__init__()
        self._folder = folder
        self._cases = {n: f for n, f in GROUPS[group].items() if n not in left_out}

    def expand(self, root: pvalue.PBegin) -> beam.PCollection:
        saved = []
        for name, function in self._cases.items():
            scratch = self._folder / name
            scratch.mkdir()
            outputs = (root | name >> _Case(function, str(scratch))).items()
            for output, collection in outputs:
                path = str(self._folder / f"{name}.{output}.json")
                saved.append(collection | f"Save {name} {output}" >> Save(path))
        return saved[0]


class _Case(beam.PTransform):
    def __init__(self, function: CaseFunction, scratch: str) -> None:
        super().__init__()
        self._function, self._scratch = function, scratch

    def expand(self, root: pvalue.PBegin) -> Outputs:
        return self._function(root, self._scratch)


class Save(beam.PTransform):
    """Writes all elements, canonical and sorted, to one file; repeated bundles do no harm."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def expand(self, elements: beam.PCollection) -> beam.PCollection:
        return (
            elements
            | beam.Map(lambda value: (0, canonical(value)))
            | beam.WindowInto(window.GlobalWindows())
            | beam.GroupByKey()
            | beam.Map(_write, self._path)
        )


def _write(grouped: tuple[int, Iterable[str]], path: str) -> str:
    temporary = f"{path}.{os.getpid()}"
    Path(temporary).write_text(json.dumps(sorted(grouped[1])))
    Path(temporary).replace(path)
    return path


def canonical(value: object) -> str:
    """A text that is equal for equal values, whatever the order inside them."""
    if isinstance(value, dict):
        return (
            "{" + ",".join(sorted(f"{canonical(k)}:{canonical(v)}" for k, v in value.items())) + "}"
        )
    if isinstance(value, tuple):
        return "(" + ",".join(map(canonical, value)) + ")"
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return "[" + ",".join(sorted(map(canonical, value))) + "]"
    return repr(value)


def read_group(group: str, folder: Path) -> dict[str, list[str]]:
    """What a group wrote: its outputs, and the lines of text files in scratch folders."""
    found = {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}
    for name in GROUPS[group]:
        written = folder / name / "written"
        if written.is_dir():
            texts = [path.read_text() for path in written.iterdir() if path.is_file()]
            found[f"{name}.written"] = sorted(line for text in texts for line in text.splitlines())
    return found


def pairs(root: pvalue.PBegin, label: str = "pairs") -> beam.PCollection:
    return root | label >> beam.Create([(f"k{i % 37}", i) for i in range(N)])


def numbers(root: pvalue.PBegin, label: str = "numbers", n: int = N) -> beam.PCollection:
    return root | label >> beam.Create(list(range(n)))


# ------------------------------------------------------------------ elements


@case("elements")
def maps(root, scratch):
    one = root | "one" >> beam.Create(["x"])
    return {
        "squares": numbers(root) | "square" >> beam.Map(lambda x: x * x),
        "repeated": one | "repeat" >> beam.FlatMap(lambda x: [x] * 3),
    }


class Lifecycle(beam.DoFn):
    """Emits from finish_bundle, and leaves a file for each call of setup and teardown."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def setup(self):
        self._ready = True

    def start_bundle(self):
        assert self._ready
        self._sum = 0

    def process(self, element):
        self._sum += element
        return []

    def finish_bundle(self):
        yield window.GlobalWindows.windowed_value(self._sum)

    def teardown(self):
        Path(self._folder, f"teardown-{os.getpid()}").touch()


@case("elements")
def lifecycle(root, scratch):
    sums = numbers(root) | beam.ParDo(Lifecycle(scratch))
    return {"sum": sums | beam.CombineGlobally(sum)}


def _tags(number: int):
    if number % 3 == 0:
        yield pvalue.TaggedOutput("three", number)
    if number % 5 == 0:
        yield pvalue.TaggedOutput("five", str(number))
    yield number


@case("elements")
def tagged_outputs(root, scratch):
    out = numbers(root) | beam.FlatMap(_tags).with_outputs("three", "five", "never", main="main")
    five = out.five | beam.Map(lambda text: text + "!")
    return {"main": out.main, "three": out.three, "five": five, "never": out.never}


@case("elements")
def partitions(root, scratch):
    split = numbers(root) | beam.Partition(lambda x, n: x % n, 4)
    return {f"part{i}": collection for i, collection in enumerate(split)}


@case("elements")
def several_leaves(root, scratch):
    left = numbers(root, "left")
    return {
        "left": left,
        "odd": left | beam.Filter(lambda x: x % 2),
        "right": root | "right" >> beam.Create(list("abc")),
    }


@case("elements")
def flattened(root, scratch):
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
def reshuffled(root, scratch):
    first = numbers(root) | "add" >> beam.Map(lambda x: x + 1) | "deal" >> beam.Reshuffle()
    return {"out": first | "double" >> beam.Map(lambda x: x * 2) | "deal2" >> beam.Reshuffle(3)}


@case("elements")
def batches(root, scratch):
    made = numbers(root) | beam.BatchElements(min_batch_size=7, max_batch_size=7)
    return {
        "all": made | beam.FlatMap(lambda batch: batch),
        "too_big": made | beam.Filter(lambda batch: len(batch) > 7),
    }


@case("elements")
def dead_letters(root, scratch):
    good, bad = (
        root
        | beam.Create(list(range(-20, 20)))
        | beam.Map(lambda x: 100 // (x % 5)).with_exception_handling()
    )
    return {"good": good, "bad": bad | "name" >> beam.Map(lambda x: (x[0], x[1][0].__name__))}


# ------------------------------------------------------------------ grouping


@case("grouping")
def group_by_key(root, scratch):
    return {"out": pairs(root) | beam.GroupByKey()}


@case("grouping")
def key_types(root, scratch):
    keys = [1, 1.0, True, "1", b"1", None, (1, "a"), (1.0, "a"), (), -(2**70), "ü"]
    made = root | beam.Create([(key, i) for i in range(20) for key in keys])
    return {"out": made | beam.GroupByKey()}


@case("grouping")
def joined(root, scratch):
    right = root | "right" >> beam.Create([(f"k{i % 50}", str(i)) for i in range(N)])
    return {"out": {"left": pairs(root), "right": right} | beam.CoGroupByKey()}


@case("grouping")
def combined(root, scratch):
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
def grouped_rows(root, scratch):
    rows = root | beam.Create([beam.Row(key=f"k{i % 5}", value=i) for i in range(N)])
    sums = rows | beam.GroupBy("key").aggregate_field("value", sum, "total")
    return {"out": sums | "tuple" >> beam.Map(lambda row: (row.key, row.total))}


@case("grouping")
def distinct_and_top(root, scratch):
    values = root | beam.Create([i % 91 for i in range(N)])
    return {
        "distinct": values | beam.Distinct(),
        "top": values | combiners.Top.Of(5),
        "smallest": values | combiners.Top.Smallest(3),
        "each": pairs(root) | combiners.Top.PerKey(2),
    }


@case("grouping")
def empty(root, scratch):
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
def diamond(root, scratch):
    keyed = pairs(root)
    sums = keyed | "sums" >> beam.CombinePerKey(sum)
    sizes = keyed | "group" >> beam.GroupByKey() | beam.MapTuple(lambda k, v: (k, len(list(v))))
    both = (sums, sizes) | beam.CoGroupByKey()
    turned = both | "turn" >> beam.MapTuple(lambda k, v: (next(iter(v[1])), next(iter(v[0]))))
    return {"out": turned | "again" >> beam.GroupByKey(), "sums": sums}


# --------------------------------------------------------------- side inputs


@case("sides")
def singleton(root, scratch):
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
def iterable_and_list(root, scratch):
    side = numbers(root, "side", 50)
    join = beam.Map(lambda x, a, b: (x, sum(a), len(b)), pvalue.AsIter(side), pvalue.AsList(side))
    return {"out": numbers(root) | "join" >> join}


@case("sides")
def dict_and_multimap(root, scratch):
    keyed = pairs(root)
    counts = keyed | combiners.Count.PerKey()
    join = beam.Map(
        lambda key, a, b: (key, a[key], sorted(b[key])),
        pvalue.AsDict(counts),
        pvalue.AsMultiMap(keyed),
    )
    return {"out": root | beam.Create([f"k{i}" for i in range(37)]) | "join" >> join}


@case("sides")
def of_a_group_and_of_nothing(root, scratch):
    sizes = pairs(root) | beam.GroupByKey() | beam.MapTuple(lambda k, v: (k, len(list(v))))
    nothing = root | "nothing" >> beam.Create([])
    join = beam.Map(
        lambda x, d, e: (x, len(d), list(e)), pvalue.AsDict(sizes), pvalue.AsIter(nothing)
    )
    return {"out": numbers(root, n=20) | "join" >> join}


@case("sides")
def of_the_same_source(root, scratch):
    made = numbers(root) | "add" >> beam.Map(lambda x: x + 1)
    total = made | beam.CombineGlobally(sum)
    return {"out": made | "join" >> beam.Map(lambda x, t: (x, t), pvalue.AsSingleton(total))}


@case("sides")
def of_a_flatten(root, scratch):
    side = (numbers(root, "a", 3), root | "b" >> beam.Create([9])) | beam.Flatten()
    join = beam.Map(lambda x, s: sorted(s), pvalue.AsIter(side))
    return {"out": root | beam.Create([0]) | "join" >> join}


# ---------------------------------------------------- windows, state, timers


def stamped(root: pvalue.PBegin) -> beam.PCollection:
    made = root | "make" >> beam.Create([(f"k{i % 3}", i) for i in range(100)])
    return made | "stamp" >> beam.Map(lambda pair: TimestampedValue(pair, pair[1]))


def _with_window(pair, w=beam.DoFn.WindowParam):
    return (*pair, float(w.start), float(w.end))


@case("windows")
def fixed(root, scratch):
    made = stamped(root) | beam.WindowInto(window.FixedWindows(10)) | beam.GroupByKey()
    return {"out": made | "show" >> beam.Map(_with_window)}


@case("windows")
def sliding(root, scratch):
    made = stamped(root) | beam.WindowInto(window.SlidingWindows(20, 5)) | beam.CombinePerKey(sum)
    return {"out": made | "show" >> beam.Map(_with_window)}


@case("windows")
def sessions(root, scratch):
    made = stamped(root) | beam.Filter(lambda pair: pair[1] % 17 < 9)
    made = made | beam.WindowInto(window.Sessions(3)) | beam.GroupByKey()
    return {"out": made | "show" >> beam.Map(_with_window)}


@case("windows")
def reshuffle_keeps_windows(root, scratch):
    made = stamped(root) | beam.WindowInto(window.FixedWindows(10)) | beam.Reshuffle()
    return {"out": made | "show" >> beam.Map(_with_window)}


@case("windows")
def windowed_side(root, scratch):
    ten = window.FixedWindows(10)
    side = stamped(root) | "w1" >> beam.WindowInto(ten) | beam.Values()
    sums = side | beam.CombineGlobally(sum).without_defaults()
    main = numbers(root, n=100) | "stamp2" >> beam.Map(lambda x: TimestampedValue(x, x))
    main = main | "w2" >> beam.WindowInto(ten)
    return {"out": main | "join" >> beam.Map(lambda x, v: (x, v), pvalue.AsSingleton(sums))}


class Counter(beam.DoFn):
    COUNT = CombiningValueStateSpec("count", combine_fn=combiners.CountCombineFn())

    def process(self, pair, count=beam.DoFn.StateParam(COUNT)):
        count.add(pair)
        yield pair[0], count.read()


class Hold(beam.DoFn):
    """Holds the values of a key until a timer fires."""

    HELD = BagStateSpec("held", VarIntCoder())
    TIMER = TimerSpec("timer", TimeDomain.WATERMARK)

    def process(self, pair, held=beam.DoFn.StateParam(HELD), timer=beam.DoFn.TimerParam(TIMER)):
        held.add(pair[1])
        timer.set(10**6)
        return []

    @on_timer(TIMER)
    def fire(self, key=beam.DoFn.KeyParam, held=beam.DoFn.StateParam(HELD)):
        yield key, sorted(held.read())
        held.clear()


@case("state")
def counter(root, scratch):
    first = pairs(root) | "count" >> beam.ParDo(Counter())
    again = first | beam.Map(lambda pair: (pair[1] % 4, 1)) | "count2" >> beam.ParDo(Counter())
    return {
        "first": first | beam.CombinePerKey(max),
        "again": again | "max" >> beam.CombinePerKey(max),
    }


@case("state")
def timers(root, scratch):
    return {"out": pairs(root) | beam.ParDo(Hold())}


@case("state")
def group_into_batches(root, scratch):
    made = pairs(root) | beam.GroupIntoBatches(5)
    return {
        "sizes": made | "sizes" >> beam.MapTuple(lambda k, v: (k, len(v))),
        "all": made | "all" >> beam.FlatMapTuple(lambda k, v: [(k, x) for x in v]),
    }


@case("state")
def batches_with_time_out(root, scratch):
    made = pairs(root) | beam.GroupIntoBatches(5, max_buffering_duration_secs=1)
    return {"all": made | "all" >> beam.FlatMapTuple(lambda k, v: [(k, x) for x in v])}


class Halves(RestrictionProvider):
    def initial_restriction(self, element):
        return OffsetRange(0, element)

    def create_tracker(self, restriction):
        return OffsetRestrictionTracker(restriction)

    def restriction_size(self, element, restriction):
        return restriction.size()

    def split(self, element, restriction):
        return restriction.split(10)


class Offsets(beam.DoFn):
    def process(self, element, side, tracker=beam.DoFn.RestrictionParam(Halves())):
        at = tracker.current_restriction().start
        while tracker.try_claim(at):
            yield element, at, side
            at += 1


@case("state")
def splittable(root, scratch):
    side = pvalue.AsSingleton(root | "side" >> beam.Create(["side"]))
    return {"out": root | beam.Create([25, 100, 7]) | beam.ParDo(Offsets(), side)}


# --------------------------------------------------------------------- files


def _texts(scratch: str) -> str:
    for number in range(5):
        lines = "".join(f"{number}-{line}\n" for line in range(100))
        Path(scratch, f"in{number}.txt").write_text(lines)
    return f"{scratch}/in*.txt"


@case("files")
def text_files(root, scratch):
    pattern = _texts(scratch)
    matched = root | fileio.MatchFiles(pattern) | fileio.ReadMatches()
    return {
        "sizes": matched | beam.Map(lambda f: (Path(f.metadata.path).name, len(f.read()))),
        "lines": root | beam.io.ReadFromText(pattern),
        "all": root | "one" >> beam.Create([pattern]) | beam.io.ReadAllFromText(),
    }


@case("files")
def parquet_files(root, scratch):
    for number in range(3):
        table = pa.table({"a": list(range(number * 100, number * 100 + 100))})
        pq.write_table(table, f"{scratch}/{number}.parquet", row_group_size=30)
    tables = root | beam.Create([f"{scratch}/*.parquet"]) | parquetio.ReadAllFromParquetBatched()
    return {
        "rows": root | beam.io.ReadFromParquet(f"{scratch}/*.parquet") | beam.Map(lambda r: r["a"]),
        "tables": tables | "values" >> beam.FlatMap(lambda table: table["a"].to_pylist()),
    }


@case("files")
def written_text(root, scratch):
    Path(scratch, "written").mkdir()
    lines = root | beam.Create([f"line {i}" for i in range(N)])
    return {
        "names": lines
        | beam.io.WriteToText(f"{scratch}/written/x", num_shards=3)
        | beam.Map(lambda path: Path(path).name)
    }


@case("files")
def written_parquet(root, scratch):
    schema = pa.schema([("a", pa.int64())])
    rows = root | beam.Create([{"a": i} for i in range(N)])
    paths = rows | beam.io.WriteToParquet(f"{scratch}/x", schema, num_shards=2)
    return {"rows": paths | "read" >> beam.FlatMap(lambda p: pq.read_table(p)["a"].to_pylist())}


@case("files")
def written_files(root, scratch):
    results = (
        root
        | beam.Create([str(i) for i in range(N)])
        | fileio.WriteToFiles(
            scratch,
            destination=lambda line: f"d{int(line) % 3}",
            sink=lambda _: fileio.TextSink(),
            file_naming=fileio.destination_prefix_naming(),
        )
    )
    lines = results | beam.FlatMap(lambda r: Path(scratch, r.file_name).read_text().split())
    return {"lines": lines}
