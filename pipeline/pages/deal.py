"""Links dealt to groups of hosts, and what a finished crawl is made of: the steps without Beam."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.pages.crawl import Link
from pipeline.pages.group import Group
from pipeline.pages.outcomes import UNREACHED, Outcome
from pipeline.pages.page_source import FIRST
from pipeline.pages.wayback import Rescue
from pipeline.pages.worker import CrawlShare, crawl_groups
from pipeline.store import files
from pipeline.store.addresses import page_id, without_port
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import WORK, Manifest
from pipeline.store.parquet import read_rows, read_table
from pipeline.store.parts import Part, PartWriter, bucket_of, finished_part, part_name, work_key

_LINKS = pa.schema([("id", pa.string()), ("url", pa.string()), ("host", pa.string())])
_DEALT = pa.schema([("group", pa.int32()), *_LINKS])


def read_links(path: str) -> Iterator[Link]:
    """The links of one part of the links stage."""
    for row in read_rows(path, ["id", "url", "host"]):
        yield Link(row["id"], row["url"], row["host"])


@cache
def _suffixes() -> Callable[[str], Any]:
    """The list that ships inside the package: never fetched, so never another one."""
    import tldextract  # noqa: PLC0415  # imports an HTTP client

    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


def group_of(host: str, groups: int) -> int:
    """The group of a host: all hosts of a registered domain share one, so one worker."""
    name = without_port(host)
    domain = _suffixes()(name).top_domain_under_public_suffix or name
    return bucket_of(page_id(domain), groups)


@dataclass(frozen=True)
class Hand:
    """A part of the links stage, the `number`-th of `of`, whose links go to `groups` groups."""

    path: str
    number: int
    of: int
    folder: str
    key: str
    groups: int


def deal_links(unit: Hand) -> list[Part]:
    """Writes the links of a part to scratch in the order of their groups.

    So whoever crawls a group reads its range of each such file, and no other.
    """
    name, key = _dealt_file(unit.number, unit.of), work_key(unit.key, unit.path, unit.groups)
    done = finished_part(unit.folder, name, key)
    if done is not None:
        return [done]
    links = read_table(unit.path, _LINKS.names)
    hosts = links["host"].unique()
    groups = pa.array([group_of(host, unit.groups) for host in hosts.to_pylist()], pa.int32())
    of_link = groups.take(pc.index_in(links["host"], value_set=hosts))
    dealt = links.add_column(0, _DEALT.field(0), of_link)
    with PartWriter(unit.folder, name, _DEALT, key, fingerprinted=False) as writer:
        writer.add(dealt.sort_by([("group", "ascending"), ("id", "ascending")]))
    return [writer.finish()]


def links_of(group: Group, of: int) -> Iterator[Link]:
    """The links of a group, in the order of their ids, from the `of` files that were dealt."""
    paths = [files.join(group.folder, _dealt_file(number, of)) for number in range(of)]
    own = [("group", "==", group.number)]
    links = [read_table(path, _LINKS.names, own) for path in paths]
    for row in pa.concat_tables([_LINKS.empty_table(), *links]).sort_by("id").to_pylist():
        yield Link(row["id"], row["url"], row["host"])


def _dealt_file(number: int, of: int) -> str:
    return part_name(number, of, f"{WORK}/links")


def crawl_share(of: int, share: CrawlShare) -> list[Part]:
    """Crawls the groups of one process; `of` files hold the links."""
    return crawl_groups(share, partial(links_of, of=of))


def reached_something(folder: str, manifest: Manifest) -> Manifest:
    """Refuses a crawl of which nothing came back: the network is at fault, not the links.

    Its tables and journals go, so that the next run asks again.
    """
    dropped, kept = manifest.counts.dropped, manifest.counts.kept
    passing = {*UNREACHED, Outcome.ROBOTS, Outcome.ROBOTS_UNAVAILABLE, Outcome.DEFERRED}
    if kept == 0 and manifest.counts.seen:
        for entry in manifest.tables("fetches-"):
            files.remove(files.join(folder, entry.name))
        files.remove(files.join(files.local_scratch(folder), WORK))
        outcomes = ", ".join(f"{n:,} {outcome}" for outcome, n in sorted(dropped.items()))
        remedy = "See `webtext show ROOT fetches` for the errors"
        if dropped.keys() <= passing:
            remedy = "Check the network (and pages.via), then run the same command again"
        raise WebtextError(f"Stage pages fetched no page: {outcomes}", remedy)
    return manifest


def plan_rescue(unit: Rescue, before: Sequence[Part]) -> list[Rescue]:
    """The unit with the fetch tables that the Wayback Machine is to go through."""
    names = (part.file.name for part in before if part.file)
    return [replace(unit, tables=tuple(sorted(name for name in names if name.startswith(FIRST))))]
