"""Lines that repeat across a host's pages: footers, banners and menus that extraction left.

A line of at least `words` words that stands on more than `share` of a host's pages says
nothing about any one of them.  It is measured on the host's pages of one interval, on the
`SAMPLE` with the least ids where there are more, so the cost of a host is bounded.  Lines
shorter than `words` are left: headings such as "See also" repeat and yet belong to the text.

Shingles are made without these lines, and whoever writes the text (the corpus stage) leaves
them out with the same function:

    tables = read_host_lines(corpus.paths("dedup", interval, "hostlines-"), documents)
    text, removed = strip_host_lines(text, tables.get(host_of(url), NO_LINES))
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.store.addresses import host_of
from pipeline.store.parquet import batches

#: Pages of a host that are looked at.  The standard error of a share is 0.035 at most.
SAMPLE = 200

NO_LINES: frozenset[bytes] = frozenset()

#: One row a repeated line: its hash in hex, how many of the sampled pages have it, one of them.
HOST_LINES = pa.schema(
    [
        ("host", pa.string()),
        ("line", pa.string()),
        ("pages", pa.int64()),
        ("sampled", pa.int64()),
        ("id", pa.string()),
    ]
)


def line_hash(line: str) -> bytes:
    """64 bits of a line without the white space around it."""
    return hashlib.blake2b(line.strip().encode("utf-8", "replace"), digest_size=8).digest()


def long_lines(text: str, words: int) -> list[bytes]:
    """The hashes of a page's lines of at least `words` words, each once, sorted."""
    lines = {line for line in text.splitlines() if len(line.split(None, words)) >= words}
    return sorted(set(map(line_hash, lines)))


def strip_host_lines(text: str, lines: frozenset[bytes]) -> tuple[str, int]:
    """The text without the lines whose hashes are in `lines`, and how many went.

    Of the blank lines around one that goes, one stays, and none at the ends of the text.
    A page that consists of such lines alone stays as it is: nothing would be left to judge.
    """
    if not lines:
        return text, 0
    kept: list[str] = []
    removed = 0
    after_removed = False
    for line in text.splitlines():
        if line_hash(line) in lines:
            removed += 1
            after_removed = True
        elif line.strip() or not (after_removed and (not kept or not kept[-1].strip())):
            kept.append(line)
            after_removed = False
    if not removed or not any(line.strip() for line in kept):
        return text, 0
    return "\n".join(kept).rstrip("\n"), removed


def read_host_lines(paths: Sequence[str], documents: str) -> dict[str, frozenset[bytes]]:
    """The repeated lines of the hosts of one part of documents.

    `paths` are the `_hostlines-…` tables of an interval: they have the lines of all its hosts,
    and are read a batch at a time.
    """
    hosts = pa.array(sorted(_hosts_of(documents)) if paths else [], pa.string())
    by_host: dict[str, set[bytes]] = {}
    for path in paths:
        for batch in batches(path, ["host", "line"]):
            for row in batch.filter(pc.is_in(batch["host"], hosts)).to_pylist():
                by_host.setdefault(row["host"], set()).add(bytes.fromhex(row["line"]))
    return {host: frozenset(lines) for host, lines in by_host.items()}


def _hosts_of(documents: str) -> set[str]:
    return {
        host_of(url) for batch in batches(documents, ["url"]) for url in batch["url"].to_pylist()
    }
