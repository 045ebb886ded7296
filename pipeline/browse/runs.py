"""Training runs side by side, and from a step to its documents.

The trainer shows its runs by an entry point (`webtext.browse`): the pipeline imports nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from multidict import MultiMapping

from pipeline.browse.site import BrowsedCorpus, View
from pipeline.browse.turning import offset_of, whole_number
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.registry import entries_of
from pipeline.store.sql import marks

_TOGETHER = 4  # runs in one figure: as many as there are colours
_DOCUMENTS = 200  # of a step that are listed at a time


class TrainingRuns(Protocol):
    """What a trainer shows of the runs below a folder; made with the folder's path."""

    def listed(self) -> list[dict[str, Any]]:
        """Of each run `name`, `objective`, `layers`, `width`, `data`, `steps`, losses."""

    def figures(self, names: Sequence[str]) -> list[str]:
        """Figures of some runs, as HTML."""

    def spikes(self, name: str) -> list[dict[str, Any]]:
        """Steps that stand out: `step`, `loss`, `before`."""

    def step(self, name: str, step: int) -> dict[str, Any]:
        """What the log says of a step."""

    def documents(self, name: str, step: int) -> list[dict[str, Any]]:
        """The documents of a step: `sample`, `id`, `tokens`, `url`, `links`."""


def runs_view(site: BrowsedCorpus, query: MultiMapping[str], name: str) -> View:
    """The runs, curves of the chosen ones, and their spikes."""
    runs = _runs(site)
    listed = runs.listed() if runs else []
    names = [run["name"] for run in listed]
    chosen = [one for one in query.getall("run", []) if one in names] or names
    chosen = list(dict.fromkeys(chosen))[:_TOGETHER]
    return View(
        "runs.html",
        {
            "title": "Runs",
            "folder": site.runs,
            "runs": listed,
            "chosen": chosen,
            "together": _TOGETHER,
            "figures": runs.figures(chosen) if runs and chosen else [],
            "spikes": {one: runs.spikes(one) for one in chosen} if runs else {},
        },
    )


def trace_view(site: BrowsedCorpus, query: MultiMapping[str], name: str) -> View:
    """The documents whose text was in step `step` of run `run`."""
    runs = _runs(site)
    run, step = query.get("run", ""), whole_number(query.get("step", ""))
    if runs is None or step is None:
        raise SettingError("A step of a run is looked at", "Choose a run and a step of it")
    documents = runs.documents(run, step)
    offset = offset_of(query)
    shown = documents[offset : offset + _DOCUMENTS]
    known = site.catalogue.ask(
        f"SELECT id, title, fate FROM pages WHERE id IN ({marks(shown)})",
        [one["id"] for one in shown],
    )
    return View(
        "trace.html",
        {
            "title": f"Step {step}",
            "run": run,
            "step": step,
            "line": runs.step(run, step),
            "documents": shown,
            "total": len(documents),
            "first": offset + 1,
            "known": {row["id"]: row for row in known},
            "next": offset + _DOCUMENTS if offset + _DOCUMENTS < len(documents) else None,
        },
    )


def _runs(site: BrowsedCorpus) -> TrainingRuns | None:
    """The runs of the folder that was named; None where none was.

    Raises WebtextError where no trainer is installed that could show them.
    """
    if site.runs is None:
        return None
    for entry in entries_of("webtext.browse"):
        found: TrainingRuns = entry.load()(site.runs)
        return found
    raise WebtextError("No trainer is installed that shows runs", "Install webtext again")
