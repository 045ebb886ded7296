"""Draws which folder imports which: `python docs/draw_imports.py` writes `docs/imports.svg`.

Each folder stands below all that import it, so every arrow points down: with a circle of imports
there would be no such picture, and the script says so.  An arrow that follows from others (a
imports b, b imports c, and a imports c as well) is drawn faint.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
PICTURE = HOME / "docs" / "imports.svg"
TOPS = ("pipeline", "trainer")

Arrow = tuple[str, str]

_BOX = (118, 30)  # width and height of a folder
_STEP = (140, 78)  # from one to the next
_EDGE = 16
_COLOURS = {"pipeline": "#dbe9f6", "trainer": "#e4f0dc"}
_BEGIN = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
 font-family="system-ui, sans-serif" font-size="13" text-anchor="middle">
<title>Which folder imports which</title>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6"
 orient="auto"><path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>
<rect width="100%" height="100%" fill="white"/>"""


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it; of `from a import b` it is `a.b`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(module: str) -> str | None:
    """`pipeline/links` of a module below it; None for modules of others, and of no folder."""
    top, *rest = module.split(".")
    if top not in TOPS or not rest:
        return None
    is_ours = (HOME / top / rest[0]).is_dir() or (HOME / top / f"{rest[0]}.py").is_file()
    return f"{top}/{rest[0]}" if is_ours else None


def arrows() -> set[Arrow]:
    """(folder, folder that it imports) of all code."""
    found: set[Arrow] = set()
    for top in TOPS:
        for path in sorted((HOME / top).rglob("*.py")):
            here = room_of(".".join(path.relative_to(HOME).with_suffix("").parts))
            for module in imported(path):
                there = room_of(module)
                if here and there and here != there:
                    found.add((here, there))
    return found


def layers(found: Iterable[Arrow]) -> dict[str, int]:
    """The row of each folder, from 0 at the bottom; SystemExit for a circle."""
    below: dict[str, set[str]] = {}
    above: dict[str, set[str]] = {}
    for importer, under in found:
        below.setdefault(importer, set()).add(under)
        below.setdefault(under, set())
        above.setdefault(under, set()).add(importer)
    rows: dict[str, int] = {}
    while len(rows) < len(below):
        ready = [name for name in below if name not in rows and below[name] <= rows.keys()]
        if not ready:
            sys.exit(f"A circle of imports among: {', '.join(sorted(below.keys() - rows.keys()))}")
        for name in ready:
            rows[name] = max((rows[under] + 1 for under in below[name]), default=0)
    # What imports nothing stands right under what imports it, for short arrows.
    alone = [name for name in below if not below[name]]
    return rows | {name: min(rows[importer] for importer in above[name]) - 1 for name in alone}


def implied(found: set[Arrow]) -> set[Arrow]:
    """The arrows that follow from two or more others."""
    below: dict[str, set[str]] = {}
    for above, under in found:
        below.setdefault(above, set()).add(under)

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = list(below.get(start, ()))
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += below.get(name, ())
        return seen

    return {
        (above, under)
        for above, under in found
        if any(under in reached(other) for other in below[above] - {under})
    }


def centres(rows: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """The middle of each folder's box: the two halves side by side, names in order."""
    top = max(rows.values())
    at: dict[str, tuple[int, int]] = {}
    left = 0
    for half in TOPS:
        levels = [
            sorted(name for name in rows if rows[name] == row and name.startswith(f"{half}/"))
            for row in range(top + 1)
        ]
        width = max(map(len, levels))
        for row, names in enumerate(levels):
            first = left + (width - len(names) + 1) / 2
            for column, name in enumerate(names):
                x = _EDGE + round((first + column) * _STEP[0])
                at[name] = (x, _EDGE + _BOX[1] // 2 + (top - row) * _STEP[1])
        left += width
    return at


def draw() -> str:
    """The picture as SVG; equal imports give an equal file."""
    found = arrows()
    rows = layers(found)
    at, faint = centres(rows), implied(found)
    width = max(x for x, _ in at.values()) + _STEP[0] // 2 + _EDGE
    height = max(y for _, y in at.values()) + _BOX[1] // 2 + _EDGE
    lines = [_BEGIN.format(width=width, height=height)]
    for arrow in [*sorted(faint), *sorted(found - faint)]:
        lines.append(_line(at[arrow[0]], at[arrow[1]], is_faint=arrow in faint))
    for name, (x, y) in sorted(at.items()):
        half, _, room = name.partition("/")
        box = f'x="{x - _BOX[0] // 2}" y="{y - _BOX[1] // 2}" width="{_BOX[0]}" height="{_BOX[1]}"'
        lines.append(f'<rect {box} rx="5" fill="{_COLOURS[half]}" stroke="#777"/>')
        label = room if half == "pipeline" else name
        lines.append(f'<text x="{x}" y="{y + 5}">{label}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def _line(above: tuple[int, int], under: tuple[int, int], *, is_faint: bool) -> str:
    (x, y), (x2, y2) = above, under
    y, y2 = y + _BOX[1] // 2, y2 - _BOX[1] // 2
    middle = (y + y2) // 2
    style = 'stroke="#ddd"' if is_faint else 'stroke="#555" marker-end="url(#tip)"'
    return f'<path d="M{x} {y}C{x} {middle} {x2} {middle} {x2} {y2}" fill="none" {style}/>'


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
    found = arrows()
    sys.stdout.write(f"{len(layers(found))} folders, {len(found)} arrows, no circle\n")
