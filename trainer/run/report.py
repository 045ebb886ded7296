"""A run as one page that stands alone: `report.html` with its curves, figures and checkpoints."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from pipeline.store.errors import WebtextError
from trainer.run.checkpoint import MARKER, write_atomic
from trainer.run.log import read_log
from trainer.run.run import RunFolder

REPORT = "report.html"
#: Curves of the page beside the losses: what is drawn, its name in the log, its unit.
CURVES = (
    ("Learning rate", "lr", ""),
    ("Gradient norm", "grad_norm", ""),
    ("Speed", "tokens_per_second", "tokens/s"),
)
_WIDTH, _HEIGHT, _POINTS = 640, 180, 600

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse } td, th { padding: .15rem .8rem .15rem 0; text-align: left }
svg { width: 100%; height: auto; background: #f6f6f4 } svg text { font: 12px system-ui; fill: #444 }
figure { margin: 1.5rem 0 }
figcaption { color: #444 } code { font-size: 13px; overflow-wrap: anywhere }
@media (max-width: 30rem) { svg text { font-size: 19px } }
 .skip { color: #a00 }
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
        *(
            _figure(title, _points(lines, key), unit)
            for title, key, unit in (*_losses(lines), *CURVES)
        ),
        *_skips(lines),
        "<h2>Checkpoints</h2>",
        _table([(p.parent.name, "complete") for p in sorted(run.checkpoints.glob(f"*/{MARKER}"))]),
        "<h2>Recipe and data</h2>",
        _table([("shards", facts.data), ("fingerprint", facts.fingerprint), *_flat(facts.recipe)]),
    ]
    page = "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
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


def _losses(lines: Sequence[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """The loss and its validation; of a sum of several terms, each of them too.

    Only a loss of one term is nats a token: a sum weighs terms of unlike targets.
    """
    step = next((line for line in lines if "loss" in line), {})
    terms = [name for name in step if name not in _OF_A_STEP]
    unit = "nats a token" if not terms else "weighted sum of its terms"
    curves = [("Loss", "loss", unit), ("Validation loss", "validation_loss", unit)]
    for name in terms:
        curves.append((f"Term {name}", name, "nats a target"))
        curves.append((f"Validation, term {name}", f"validation_{name}", "nats a target"))
    return curves


def _points(lines: Sequence[dict[str, Any]], key: str) -> list[tuple[float, float]]:
    """(step, value), thinned to what a screen shows; a value that is not a number is left out."""
    points = [(float(line["step"]), float(line[key])) for line in lines if key in line]
    points = [(x, y) for x, y in points if y - y == 0]
    every = max(1, len(points) // _POINTS)
    return points[::every]


def _figure(title: str, points: list[tuple[float, float]], unit: str) -> str:
    """One curve as inline SVG, with its range in words."""
    if len(points) < 2:
        return ""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    across, up = (xs[-1] - xs[0]) or 1.0, (max(ys) - min(ys)) or 1.0
    path = " ".join(
        f"{(x - xs[0]) / across * _WIDTH:.1f},{_HEIGHT - (y - min(ys)) / up * _HEIGHT:.1f}"
        for x, y in points
    )
    values = f"{min(ys):.4g} to {max(ys):.4g} {unit}".rstrip()
    caption = f"{title}: {values}, steps {xs[0]:,.0f} to {xs[-1]:,.0f}"
    return (
        f'<figure><svg viewBox="-64 -12 {_WIDTH + 80} {_HEIGHT + 36}" role="img" '
        f'aria-label="{html.escape(title)}">{_axes(xs, ys)}'
        f'<polyline fill="none" stroke="#246" stroke-width="1.5" points="{path}"/></svg>'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _axes(xs: Sequence[float], ys: Sequence[float]) -> str:
    """Lines and numbers at the ends and in the middle of both axes; steps run to the right."""
    parts = [f'<path d="M0 0V{_HEIGHT}H{_WIDTH}" fill="none" stroke="#888"/>']
    for share in (0.0, 0.5, 1.0):
        y, value = _HEIGHT * (1 - share), min(ys) + share * (max(ys) - min(ys))
        parts.append(f'<path d="M0 {y}H{_WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="-6" y="{y + 4}" text-anchor="end">{value:.3g}</text>')
        x, step = _WIDTH * share, xs[0] + share * (xs[-1] - xs[0])
        name = "step " if share == 0 else ""
        anchor = ("start", "middle", "end")[round(2 * share)]
        at = f'x="{x}" y="{_HEIGHT + 18}" text-anchor="{anchor}"'
        parts.append(f"<text {at}>{name}{step:,.0f}</text>")
    return "".join(parts)


def _skips(lines: Sequence[dict[str, Any]]) -> list[str]:
    skipped = [line for line in lines if line.get("skipped")]
    return [
        f'<p class="skip">Step {line["step"]:,} was skipped: samples {line["first_sample"]:,} to '
        f"{line['first_sample'] + line['samples'] - 1:,}</p>"
        for line in skipped
    ]


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
