"""Canonical addresses beside ural, courlan and others: pages united and parted wrongly.

    pip install ural==1.6.2 url-normalize==3.1.0     # courlan and w3lib come with `webtext[dev]`
    python benchmarks/keys.py [--show]

`keys.tsv` holds pairs of genuine addresses at one place (host and path, but for their letters'
case, index page and last slash), judged by hand: one page, or two.  A page that is united with
another is lost; one that is parted from itself is fetched twice.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import courlan
import ural
import url_normalize
from w3lib.url import canonicalize_url

from pipeline.store.addresses import canonical_key

PAIRS = Path(__file__).with_name("keys.tsv")

#: Each as its documentation says for telling duplicates.
TOOLS: dict[str, Callable[[str], str | None]] = {
    "webtext": canonical_key,
    "ural.normalize_url": ural.normalize_url,
    "courlan.clean_url": courlan.clean_url,
    "courlan.clean_url, strict": lambda url: courlan.clean_url(url) and _strict(url),
    "url_normalize, filter_params": lambda url: url_normalize.url_normalize(
        url, filter_params=True
    ),
    "w3lib.canonicalize_url": canonicalize_url,
}


def _strict(url: str) -> str:
    return courlan.normalize_url(url, strict=True)


def pairs() -> list[tuple[bool, str, str]]:
    """(whether they are one page, address, address) of each judged pair."""
    lines = PAIRS.read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return [(row[0] == "one", row[1], row[2]) for row in rows]


def mistakes(tool: Callable[[str], str | None]) -> tuple[list[str], list[str]]:
    """The pairs that a tool unites wrongly, and those that it parts wrongly."""
    united, parted = [], []
    for one, address, other in pairs():
        same = tool(address) == tool(other)
        if same != one:
            (united if same else parted).append(f"{address}\n    {other}")
    return united, parted


def main() -> None:
    """Prints a line for each tool."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", action="store_true", help="also the pairs that we get wrong")
    given = parser.parse_args()
    judged = pairs()
    ones = sum(one for one, _, _ in judged)
    print(f"{len(judged) - ones} pairs of two pages, {ones} of one")
    for name, tool in TOOLS.items():
        united, parted = mistakes(tool)
        print(f"{name:30} wrongly united {len(united):3}, wrongly parted {len(parted):3}")
    if given.show:
        for title, wrong in zip(("united", "parted"), mistakes(canonical_key), strict=True):
            print(f"wrongly {title}:", *wrong, sep="\n  ")


if __name__ == "__main__":
    main()
