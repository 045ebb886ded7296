"""Options of `webtext runner check` for tests that take a part of the conformance cases."""

from __future__ import annotations

from pipeline.conformance import GROUPS


def only(*groups: str) -> list[str]:
    """The options that leave out all cases but those of `groups`."""
    others = [group for group in GROUPS if group not in groups]
    return [f"--without={case}" for group in others for case in GROUPS[group]]
