"""Conformance cases: small Beam pipelines that any runner must give the same result for.

A case is a function from the pipeline's root and a scratch folder to named
PCollections.  Cases of a group run as one pipeline, each under its own label, so
that a runner is judged in a few seconds.  Written values are canonical: the order
of elements, of grouped values and of dict items does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import apache_beam as beam
import orjson
from apache_beam.pvalue import PBegin
from apache_beam.transforms import window

from pipeline.engine.runners.runner_kind import OpenRunner
from pipeline.store import files

N = 300
Outputs = dict[str, beam.PCollection]
CaseFunction = Callable[[PBegin, str], Outputs]
#: {group: {case: function}}, filled as the modules with the cases are imported.
GROUPS: dict[str, dict[str, CaseFunction]] = {}

#: What a case gave: {CASE.OUTPUT: its elements}.
Results = dict[str, list[str]]


def case(group: str) -> Callable[[CaseFunction], CaseFunction]:
    """Adds a case to a group."""

    def add(function: CaseFunction) -> CaseFunction:
        GROUPS.setdefault(group, {})[function.__name__] = function
        return function

    return add


class CaseGroup(beam.PTransform):
    """The cases of a group; an output that is not empty becomes `CASE.OUTPUT.json` in `folder`."""

    def __init__(self, group: str, folder: str, left_out: Collection[str] = ()) -> None:
        super().__init__()
        self._folder = folder
        self._cases = {n: f for n, f in GROUPS[group].items() if n not in left_out}

    def expand(self, root: PBegin) -> beam.PCollection:
        """From the root to the names of the files of the first case."""
        saved = []
        for name, function in self._cases.items():
            scratch = files.join(self._folder, name)
            files.make_folder(scratch)
            for output, collection in (root | name >> _Case(function, scratch)).items():
                path = files.join(self._folder, f"{name}.{output}.json")
                saved.append(collection | f"Save {name} {output}" >> Save(path))
        return saved[0]


class _Case(beam.PTransform):
    def __init__(self, function: CaseFunction, scratch: str) -> None:
        super().__init__()
        self._function, self._scratch = function, scratch

    def expand(self, root: PBegin) -> Outputs:
        return self._function(root, self._scratch)


class Save(beam.PTransform):
    """Writes all elements, canonical and sorted, to one file; repeated bundles do no harm."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def expand(self, elements: beam.PCollection) -> beam.PCollection:
        """From elements to the name of the file."""
        return (
            elements
            | beam.Map(lambda value: (0, canonical(value)))
            | beam.WindowInto(window.GlobalWindows())
            | beam.GroupByKey()
            | beam.Map(_write, self._path)
        )


def _write(grouped: tuple[int, Iterable[str]], path: str) -> str:
    files.write_bytes(path, orjson.dumps(sorted(grouped[1])))
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


def run_group(
    group: str, runner: OpenRunner, folder: str, left_out: Collection[str] = ()
) -> Results:
    """Runs the cases of a group in an empty folder; what they gave."""
    files.make_folder(folder)
    runner.run(CaseGroup(group, folder, left_out), group)
    return _read_group(group, folder)


def _read_group(group: str, folder: str) -> Results:
    """What a group wrote: its outputs, and the lines of text files in scratch folders."""
    results: Results = {
        files.name_of(path): orjson.loads(files.read_bytes(path))
        for path in files.listed(folder, "*.json")
    }
    for name in GROUPS[group]:
        written = Path(folder, name, "written")
        if written.is_dir():
            texts = [path.read_text() for path in written.iterdir() if path.is_file()]
            results[f"{name}.written"] = sorted(
                line for text in texts for line in text.splitlines()
            )
    return results


def differences(actual: Results, expected: Results) -> dict[str, tuple[object, object]]:
    """{output: (actual, expected)} for each that is not the same; None where there is none."""
    return {
        name: (actual.get(name), expected.get(name))
        for name in sorted(actual.keys() | expected.keys())
        if actual.get(name) != expected.get(name)
    }


def pairs(root: PBegin, label: str = "pairs") -> beam.PCollection:
    """N pairs of 37 keys."""
    return root | label >> beam.Create([(f"k{i % 37}", i) for i in range(N)])


def numbers(root: PBegin, label: str = "numbers", n: int = N) -> beam.PCollection:
    """The numbers from 0 below `n`."""
    return root | label >> beam.Create(list(range(n)))
