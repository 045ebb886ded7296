"""Units of work on their way through Beam: without the batch, which lies in one scratch file.

A batch names every part of its run, with some 200 to 300 bytes each, and some steps have a unit
for each part.  If each carried the batch, all together would grow with the square of the parts.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

from pydantic import TypeAdapter

from pipeline.dedup.batch import Batch
from pipeline.engine.steps import Make, Plan, Reports, Step
from pipeline.store import files
from pipeline.store.parts import Part, work_key

_JSON: TypeAdapter[Batch] = TypeAdapter(Batch)


@dataclass(frozen=True)
class PackedUnit:
    """A unit as bytes, in which the batch is left out, and where that is."""

    batch: str
    data: bytes


def packed(step: Step, batch: Batch) -> Step:
    """The same step, whose units go packed from its plan to who makes them."""
    plan = partial(_plan, plan=step.plan, batch=batch)
    return replace(step, plan=plan, make=_Unpacked(step.make))


def _plan(before: Reports, plan: Plan, batch: Batch) -> Iterator[PackedUnit]:
    stored = _JSON.dump_json(batch)
    path = files.join(batch.work, f"batch-{work_key(stored)}.json")
    if not files.exists(path):
        files.write_bytes(path, stored)
    for unit in plan(before):
        buffer = io.BytesIO()
        _Pickler(buffer).dump(unit)
        yield PackedUnit(path, buffer.getvalue())


@dataclass(frozen=True)
class _Unpacked:
    """Makes what a packed unit asks for; its name is that of who does it."""

    make: Make

    def __call__(self, unit: PackedUnit) -> Iterable[Part]:
        return self.make(_Unpickler(unit).load())

    @property
    def __name__(self) -> str:
        return str(getattr(self.make, "__name__", self.make))


@lru_cache(maxsize=2)
def _read(path: str) -> Batch:
    return _JSON.validate_json(files.read_bytes(path))


class _Pickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> str | None:
        return "batch" if isinstance(value, Batch) else None


class _Unpickler(pickle.Unpickler):
    """Of units that a plan of the same run has packed."""

    def __init__(self, unit: PackedUnit) -> None:
        super().__init__(io.BytesIO(unit.data))
        self._path = unit.batch

    def persistent_load(self, _name: str) -> Batch:
        return _read(self._path)
