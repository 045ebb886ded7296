"""A run as one page that stands alone: `report.html` with its curves, figures and checkpoints."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from pipeline.store.errors import WebtextError
from trainer.run.chart import Curve, curve_of, figure
from trainer.run.checkpoint import MARKER, write_atomic
from trainer.run.log_lines import read_log
from trainer.run.run import RunFacts, RunFolder

REPORT = "report.html"
#: Curves of the page beside losses and validation: title, name in the log, unit.
OF_STEPS = (
    ("Learning rate", "lr", ""),
    ("Gradient norm", "grad_norm", ""),
    ("Speed", "tokens_per_second", "tokens/s"),
)

_STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem;
       overflow-wrap: anywhere }
table { border-collapse: collapse } td, th { padding: .15rem .8rem .15rem 0; text-align: left }
td:first-child { min-width: 7rem }
.figures { display: grid; gap: 0 2rem }
.figures { grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)) }
svg { width: 100%; height: auto; background: #f6f6f4 } svg text { font: 16px system-ui; fill: #444 }
figure { margin: 1rem 0 } figcaption { opacity: .8 }
code { font-size: 13px; overflow-wrap: anywhere }
@media (max-width: 30rem) {
 .figures { grid-template-columns: 1fr } svg text { font-size: 20px }
}
.skip { color: #d33 }
"""


def write_run_report(run: RunFolder) -> str:
    """Writes the page into the run's folder and returns its path.

    Raises WebtextError for a run that has logged nothing.
    """
    facts = run.facts()
    lines = read_log(run.log) if run.log.exists() else []
    if not lines:
        raise WebtextError(f"{run.path} has logged no step", "Train first")
    parts = [
        f"<h1>{html.escape(run.path.name)}</h1>",
        _table(_summary(lines)),
        '<div class="figures">',
        *_figures(lines),
        "</div>",
        *_skips(lines),
        "<h2>Checkpoints</h2>",
        _table([(p.parent.name, "complete") for p in sorted(run.checkpoints.glob(f"*/{MARKER}"))]),
        "<h2>Data</h2>",
        _table(_provenance(facts)),
        "<h2>Recipe</h2>",
        _table(_flat(facts.recipe)),
    ]
    page = "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{html.escape(run.path.name)}</title>",
            f"<style>{_STYLE}</style></head><body>",
            *parts,
            "</body></html>\n",
        ]
    )
    path = run.path / REPORT
    write_atomic(path, page)
    return str(path)


def _summary(lines: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    steps = [line for line in lines if "loss" in line]
    judged = [line for line in lines if "validation_loss" in line]
    rows: list[tuple[str, str]] = []
    if steps:
        seconds = sum(line["seconds"] for line in steps)
        waited = sum(line["seconds"] * line["data_wait"] for line in steps)
        rows = [
            ("steps", f"{steps[-1]['step']:,}"),
            ("sequences", f"{steps[-1]['first_sample'] + steps[-1]['samples']:,}"),
            ("last loss", f"{steps[-1]['loss']:.4f}"),
            ("time in steps", f"{seconds:,.0f} s"),
            ("MFU, median", f"{sorted(line['mfu'] for line in steps)[len(steps) // 2]:.1%}"),
            ("waiting for data", f"{waited / seconds:.2%}"),
            ("memory, peak", f"{max(line['memory'] for line in steps) / 2**30:.2f} GB"),
        ]
    if judged:
        rows += [
            (key.replace("_", " "), f"{value:.4f}")
            for key, value in judged[-1].items()
            if key != "step"
        ]
    return rows


#: What a line of the log says of a step beside its loss and the terms of that.
_OF_A_STEP = frozenset(
    """step loss lr grad_norm skipped first_sample samples seconds tokens_per_second mfu mfu_peak
    data_wait memory""".split()
)


#: Endings of figures that are drawn with another one, and what they are.
_BESIDE = {"base": "frequencies alone", "low": "95 % from", "high": "95 % to"}


def _figures(lines: Sequence[dict[str, Any]]) -> list[str]:
    """Training beside validation: the loss, each term of a sum; then what else was measured.

    Only a loss of one term is nats a token: a sum weighs terms of unlike targets.
    """
    step = next((line for line in lines if "loss" in line), {})
    terms = [name for name in step if name not in _OF_A_STEP]
    losses = [("Loss", "loss", "weighted sum" if terms else "nats a token")]
    losses += [(f"Term {name}", name, "nats a target") for name in terms]
    drawn = [
        figure(title, unit, [curve_of(lines, "training", name), *_validation(lines, name)])
        for title, name, unit in losses
    ]
    judged = dict.fromkeys(key for line in lines for key in line if key.startswith("validation_"))
    names = [key.removeprefix("validation_") for key in judged]
    for name in names:
        beside = any(name == f"{other}_{end}" for other in names for end in _BESIDE)
        if not beside and name not in ("loss", *terms):
            title = f"Validation {name.replace('_', ' ')}"
            drawn.append(figure(title, "", _validation(lines, name)))
    drawn += [figure(title, unit, [curve_of(lines, title, key)]) for title, key, unit in OF_STEPS]
    return drawn


def _validation(lines: Sequence[dict[str, Any]], name: str) -> list[Curve]:
    """A figure of the validation, and those that are read beside it."""
    ends = {"validation": ""} | {label: f"_{end}" for end, label in _BESIDE.items()}
    return [curve_of(lines, label, f"validation_{name}{end}") for label, end in ends.items()]


def _skips(lines: Sequence[dict[str, Any]]) -> list[str]:
    skipped = [line for line in lines if line.get("skipped")]
    return [
        f'<p class="skip">Step {line["step"]:,} was skipped: samples {line["first_sample"]:,} to '
        f"{line['first_sample'] + line['samples'] - 1:,}</p>"
        for line in skipped
    ]


def _provenance(facts: RunFacts) -> list[tuple[str, str]]:
    rows = [("shards", facts.data), ("fingerprint", facts.fingerprint)]
    for corpus in facts.generations:
        rows += [
            (f"intervals from sample {one['first']:,} on", ", ".join(one["intervals"]))
            for one in corpus
        ]
    return [*rows, ("tokenizer, sha256", facts.tokenizer), ("torch", facts.torch),
            ("Python", facts.python)]  # fmt: skip


def _table(rows: Sequence[tuple[str, str]]) -> str:
    cells = (
        f"<tr><td>{html.escape(name)}</td><td><code>{html.escape(value)}</code></td></tr>"
        for name, value in rows
    )
    return f"<table>{''.join(cells)}</table>"


def _flat(recipe: dict[str, Any]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for section, values in recipe.items():
        if isinstance(values, dict):
            rows += [(f"{section}.{name}", str(value)) for name, value in values.items()]
        else:
            rows.append((section, str(values)))
    return rows
