"""Small pieces of a static page: tables, bars, samples. All text is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
       color: #1a202c; }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin: 2.2rem 0 .2rem }
p { color: #4a5568; margin: .2rem 0 .6rem }
table { border-collapse: collapse } td, th { padding: .15rem .8rem .15rem 0; text-align: left }
td.n { text-align: right; font-variant-numeric: tabular-nums }
.bar { background: #4299e1; height: .8rem; border-radius: 2px; min-width: 1px }
details { margin: .4rem 0 } summary { cursor: pointer; overflow-wrap: anywhere }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f7fafc; padding: .6rem;
      font-size: 13px; border-left: 3px solid #cbd5e0 }
"""


def _cell(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"<td>{escape(str(value))}</td>"
    return f'<td class="n">{value:,}</td>'


def table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; numbers stand to the right."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def bars(rows: Iterable[Sequence[Any]]) -> str:
    """One horizontal bar for each (name, number), the largest at full width."""
    listed = list(rows)
    most = max((n for _, n in listed), default=1) or 1
    lines = "".join(
        f'<tr><td>{escape(str(name))}</td><td class="n">{n:,}</td>'
        f'<td><div class="bar" style="width:{20 * n / most:.2f}rem"></div></td></tr>'
        for name, n in listed
    )
    return f"<table>{lines}</table>" if lines else "<p>None.</p>"


def waterfall(steps: Mapping[str, int]) -> str:
    """Bars of the steps in their order, each with its share of the first."""
    first = next(iter(steps.values()), 1) or 1
    return bars([(f"{name} ({n / first:.0%})", n) for name, n in steps.items()])


def samples(rows: Iterable[tuple[str, str, str, str]]) -> str:
    """Documents to unfold, by (reason, address, value against threshold, text)."""
    parts, last = [], None
    for reason, url, versus, text in rows:
        if reason != last:
            parts.append(f"<h3>{escape(reason)}</h3>")
            last = reason
        heading = f"{escape(url)} {escape(versus)}"
        parts.append(f"<details><summary>{heading}</summary><pre>{escape(text)}</pre></details>")
    return "".join(parts)


def page(title: str, sections: Iterable[tuple[str, str, str]]) -> str:
    """A whole page of (title, sentence, HTML) sections; it loads and runs nothing."""
    body = "".join(
        f"<h2>{escape(name)}</h2><p>{escape(sentence)}</p>{html}"
        for name, sentence, html in sections
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )
