"""Curves as one drawing in SVG that stands in a page: axes with names and numbers, and a legend."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Of the drawing inside its axes, and around it; in the units of the drawing.
_WIDTH, _HEIGHT, _LEFT, _BELOW = 640, 200, 112, 50
_ABOVE = 36
_BUCKETS = 300  # of which a curve has two points at most
_COLOURS = ("#246", "#c60", "#888", "#aaa")


@dataclass(frozen=True)
class Curve:
    """Points (step, value) in the order of steps; a single one is drawn as a dot."""

    name: str
    points: Sequence[tuple[float, float]]


def curve_of(lines: Sequence[Mapping[str, Any]], name: str, key: str) -> Curve:
    """What the lines of a log say of `key`, thinned to what a screen shows.

    Of each part of the run the least and the greatest value stay, so a spike of one step is
    seen; a value that is not a number is left out.
    """
    points = [(float(line["step"]), float(line[key])) for line in lines if key in line]
    points = [point for point in points if math.isfinite(point[1])]
    size = max(2, -(-len(points) // _BUCKETS))
    if len(points) <= 2 * _BUCKETS:
        return Curve(name, points)
    kept: list[tuple[float, float]] = []
    for start in range(0, len(points), size):
        bucket = points[start : start + size]
        ends = (min(bucket, key=lambda point: point[1]), max(bucket, key=lambda point: point[1]))
        kept += sorted(set(ends))
    return Curve(name, kept)


def figure(
    title: str, unit: str, curves: Sequence[Curve], colours: Sequence[str] = _COLOURS
) -> str:
    """A `<figure>` of the curves that have points, its range in words below; empty without any."""
    curves = [curve for curve in curves if curve.points]
    if not curves:
        return ""
    points = [point for curve in curves for point in curve.points]
    (left, right), (low, high) = ((min(axis), max(axis)) for axis in zip(*points, strict=True))
    frame = _Frame(left, right, low, high)
    drawn = [frame.drawn(curve, colour) for curve, colour in zip(curves, colours, strict=False)]
    caption = f"{title}: {_short(low, 4)} to {_short(high, 4)} {unit}".rstrip()
    caption += f", steps {left:,.0f} to {right:,.0f}"
    box = f"{-_LEFT} {-_ABOVE} {_WIDTH + _LEFT + 20} {_HEIGHT + _ABOVE + _BELOW}"
    return (
        f'<figure><svg viewBox="{box}" role="img" aria-label="{html.escape(title)}" '
        f'data-steps="{left:.0f} {right:.0f}">'
        f"{frame.axes(unit or title.lower())}{''.join(drawn)}{_legend(curves, colours)}</svg>"
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


@dataclass(frozen=True)
class _Frame:
    """What the ends of both axes stand for."""

    left: float
    right: float
    low: float
    high: float

    def drawn(self, curve: Curve, colour: str) -> str:
        across, up = (self.right - self.left) or 1.0, (self.high - self.low) or 1.0
        places = [
            ((x - self.left) / across * _WIDTH, _HEIGHT - (y - self.low) / up * _HEIGHT)
            for x, y in curve.points
        ]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        few = places if len(places) <= 50 else []
        dots = (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in few)
        return (
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{line}"/>'
            f"{''.join(dots)}"
        )

    def axes(self, name: str) -> str:
        """Lines and numbers at the ends and in the middle of both axes, and what they count."""
        parts = [f'<path d="M0 0V{_HEIGHT}H{_WIDTH}" fill="none" stroke="#888"/>']
        for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
            y, value = _HEIGHT * (1 - share), self.low + share * (self.high - self.low)
            x, step = _WIDTH * share, self.left + share * (self.right - self.left)
            parts.append(f'<path d="M0 {y}H{_WIDTH}" stroke="#ddd"/>')
            parts.append(f'<text x="-6" y="{y + 5}" text-anchor="end">{_short(value)}</text>')
            at = f'x="{x}" y="{_HEIGHT + 20}" text-anchor="{anchor}"'
            parts.append(f"<text {at}>{step:,.0f}</text>")
        middle = f'text-anchor="middle" x="{-_HEIGHT / 2}" y="{18 - _LEFT}"'
        parts.append(f'<text transform="rotate(-90)" {middle}>{html.escape(name)}</text>')
        at = f'x="{_WIDTH / 2}" y="{_HEIGHT + 40}" text-anchor="middle"'
        return "".join([*parts, f"<text {at}>step</text>"])


def _short(value: float, digits: int = 3) -> str:
    """A number in few characters: `1.48k` for 1480."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.{digits}g}{letter}"
    return f"{value:.{digits}g}"


def _legend(curves: Sequence[Curve], colours: Sequence[str]) -> str:
    """Names of the curves in their colours above the drawing, where there are several."""
    if len(curves) < 2:
        return ""
    names = (
        f'<tspan fill="{colour}" dx="16">{html.escape(curve.name)}</tspan>'
        for curve, colour in zip(curves, colours, strict=False)
    )
    return f'<text x="{_WIDTH}" y="{12 - _ABOVE}" text-anchor="end">{"".join(names)}</text>'
