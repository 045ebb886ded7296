"""Cases that show whether a runner does what Beam promises (`webtext runner check`)."""

from pipeline.conformance import elements, grouping, sides, sinks, state, windows
from pipeline.conformance.cases import GROUPS, Results, differences, run_group

__all__ = [
    "GROUPS",
    "Results",
    "differences",
    "elements",
    "grouping",
    "run_group",
    "sides",
    "sinks",
    "state",
    "windows",
]
