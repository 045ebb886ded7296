"""Small pieces of a static page: tables, bars, samples. All text is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

_STYLE = """
:root { --text: #1a202c; --soft: #4a5568; --ground: #fff; --raised: #f7fafc; --line: #cbd5e0;
        --bar: #4299e1; --link: #1d5fa8 }
@media (prefers-color-scheme: dark) {
 :root { --text: #e4e8ee; --soft: #a2adbd; --ground: #14181f; --raised: #1e242e; --line: #37404d;
         --bar: #4b86c8; --link: #8ab8ff }
}
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
       color: var(--text); background: var(--ground); overflow-wrap: anywhere }
a { color: var(--link) }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin: 2.2rem 0 .2rem }
p { color: var(--soft); margin: .2rem 0 .6rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse } td, th { padding: .15rem .8rem .15rem 0; text-align: left }
td { min-width: 4rem }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
td.b { width: 20rem; min-width: 5rem }
.bar { fill: var(--bar); width: 100%; height: .8rem; display: block }
details { margin: .4rem 0 } summary { cursor: pointer }
pre { white-space: pre-wrap; background: var(--raised); padding: .6rem; font-size: 13px;
      border-left: 3px solid var(--line) }
"""


@dataclass(frozen=True)
class WebLink:
    """A cell that leads to a page of the web."""

    address: str

    def html(self) -> str:
        """The link; only its text where the address is none of the web."""
        text = escape(self.address)
        if not self.address.startswith(("http://", "https://")):
            return text
        return f'<a href="{text}" rel="noreferrer noopener">{text}</a>'


def _cell(value: Any) -> str:
    if isinstance(value, WebLink):
        return f"<td>{value.html()}</td>"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"<td>{escape(str(value))}</td>"
    return f'<td class="n">{value:,}</td>'


def table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; numbers stand to the right."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f'<div class="scroll" tabindex="0"><table><tr>{head}</tr>{body}</table></div>'


def bars(rows: Iterable[Sequence[Any]]) -> str:
    """One horizontal bar for each (name, number), the largest at full width."""
    listed = list(rows)
    most = max((n for _, n in listed), default=1) or 1
    lines = "".join(
        f'<tr><td>{escape(str(name))}</td><td class="n">{n:,}</td><td class="b">'
        '<svg class="bar" aria-hidden="true" preserveAspectRatio="none" viewBox="0 0 100 1">'
        f'<rect width="{max(100 * n / most, 0.3):.2f}" height="1"/></svg></td></tr>'
        for name, n in listed
    )
    return f"<table>{lines}</table>" if lines else "<p>None.</p>"


def waterfall(steps: Mapping[str, int]) -> str:
    """Bars of the steps in their order, each with its share of the first."""
    first = next(iter(steps.values()), 1) or 1
    return bars([(f"{name} ({n / first:.0%})", n) for name, n in steps.items()])


def samples(rows: Iterable[tuple[str, str, str, str, str]]) -> str:
    """Documents to unfold, by (reason, id, address, value against threshold, text)."""
    parts, last = [], None
    for reason, page_id, url, versus, text in rows:
        if reason != last:
            parts.append(f"<h3>{escape(reason)}</h3>")
            last = reason
        heading = f"{escape(url)} {escape(versus)}"
        source = f"{WebLink(url).html()}, id {escape(page_id)}"
        parts.append(
            f"<details><summary>{heading}</summary><p>{source}</p><pre>{escape(text)}</pre></details>"
        )
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
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )
