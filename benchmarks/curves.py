"""Validation curves of runs as one SVG: `python benchmarks/curves.py OUT.svg RUN:KEY [...]`.

KEY is a figure of the run's `log.jsonl`, such as `validation_mlm`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from trainer.run.log_lines import read_log

WIDTH, HEIGHT, LEFT = 300, 120, 10


def panel(run: Path, key: str, top: int) -> str:
    """One curve with its range in words."""
    points = [(line["step"], line[key]) for line in read_log(run / "log.jsonl") if key in line]
    steps, values = [float(x) for x, _ in points], [float(y) for _, y in points]
    low, spread = min(values), (max(values) - min(values)) or 1.0
    path = " ".join(
        f"{LEFT + x / steps[-1] * WIDTH:.1f},{top + HEIGHT - (y - low) / spread * HEIGHT:.1f}"
        for x, y in zip(steps, values, strict=True)
    )
    said = (
        f"{run.name} {key}: {values[0]:.4g} to {values[-1]:.4g}, step {steps[0]:g} to {steps[-1]:g}"
    )
    return (
        f'<text x="{LEFT}" y="{top - 6}">{said}</text>'
        f'<polyline fill="none" stroke="#246" stroke-width="1.5" points="{path}"/>'
    )


def main() -> None:
    """Command line."""
    out, *wanted = sys.argv[1:]
    panels = []
    for number, one in enumerate(wanted):
        run, _, key = one.rpartition(":")
        panels.append(panel(Path(run), key, 20 + number * (HEIGHT + 30)))
    height = len(wanted) * (HEIGHT + 30) + 10
    Path(out).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 160} {height}" '
        f'font-family="sans-serif" font-size="10">{"".join(panels)}</svg>\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
