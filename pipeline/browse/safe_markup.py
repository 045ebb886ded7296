"""Markup without scripts, and without anything that asks the network.

The answer that carries an archived page forbids both once more (`server.py`); this takes out what
such policies do not reach: hints to connect, refreshes, frames, forms.  As a program it reads
UTF-8 from standard input and writes it to standard output, within limits.
"""

from __future__ import annotations

import resource
import sys

from selectolax.lexbor import LexborHTMLParser

_SECONDS = 10  # of the processor
_MEMORY = 2 << 30  # bytes
#: Elements that go with all that is in them.
_GONE = frozenset(
    """script noscript link base iframe frame frameset object embed applet portal fencedframe video
    audio source track""".split()
)
#: Attributes that load something or run, wherever they stand.
_ATTRIBUTES = frozenset(
    {"srcdoc", "ping", "background", "poster", "action", "formaction", "srcset", "imagesrcset"}
)
_LINKS = ("href", "src", "xlink:href", "data")


def safe_html(markup: str) -> str:
    """A page without scripts, and without what connects, refreshes, frames or sends."""
    tree = LexborHTMLParser(markup)
    nodes = list(tree.root.traverse()) if tree.root else []
    for node in reversed(nodes):  # what is inside goes first: a node's memory goes with its parent
        if node.tag in _GONE or (node.tag == "meta" and "http-equiv" in node.attributes):
            node.decompose()
            continue
        for name, value in node.attributes.items():
            if _is_active(name.lower(), (value or "").lower()):
                del node.attrs[name]
    return f'<!doctype html><meta charset="utf-8">{tree.html or ""}'


def _is_active(name: str, value: str) -> bool:
    """Whether an attribute runs or loads something: any that is no place or image of the page."""
    if name.startswith("on") or name in _ATTRIBUTES:
        return True
    return name in _LINKS and not value.startswith(("#", "data:image/"))


def main() -> None:
    """Cleans one page."""
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    sys.stdout.buffer.write(safe_html(sys.stdin.buffer.read().decode()).encode())


if __name__ == "__main__":
    main()
