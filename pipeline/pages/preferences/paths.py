"""Patterns of paths as robots.txt has them: `*`, `$`, and everything below a prefix."""

from __future__ import annotations

from collections.abc import Callable

from protego import Protego


def path_matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a pattern matches the path of an address; an empty pattern matches all.

    A pattern is what `Disallow` has, so the parser of robots.txt matches it.
    """
    if not pattern:
        return lambda url: True
    line = pattern.splitlines()[0]
    rule = Protego.parse(f"User-agent: *\nDisallow: {line}\n")
    return lambda url: not rule.can_fetch(url, "*")
