"""Links dealt to groups of hosts, and what a finished crawl is made of: the steps without Beam."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
import tldextract

from pipeline.pages import wayback
from pipeline.pages.crawl import Link
from pipeline.pages.group import Group
from pipeline.pages.outcomes import UNREACHED, Outcome
from pipeline.pages.worker import CrawlShare, crawl_groups
from pipeline.store import files
from pipeline.store.addresses import page_id, without_port
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import WORK, Manifest
from pipeline.store.parquet import read_rows
from pipeline.store.parts import Part, PartWriter, bucket_of, finished_part, part_name

_LINKS = pa.schema([("id", pa.string()), ("url", pa.string()), ("host", pa.string())])
#: The list of suffixes that ships inside the package: never fetched, so never another one.
_domains = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


def read_links(path: str) -> Iterator[Link]:
    """The links of one part of the links stage."""
    for row in read_rows(path, ["id", "url", "host"]):
        yield Link(row["id"], row["url"], row["host"])


def group_of(host: str, groups: int) -> int:
    """The group of a host: all hosts of a registered domain share one, so one worker."""
    name = without_port(host)
    domain = _domains(name).top_domain_under_public_suffix or name
    return bucket_of(page_id(domain), groups)


def keyed_by_group(groups: int, path: str) -> Iterator[tuple[int, Link | None]]:
    """(group, link) of every link of a part."""
    for link in read_links(path):
        yield group_of(link.host, groups), link


def write_group_links(
    groups: Sequence[Group], keyed: tuple[int, Iterable[Link | None]]
) -> list[Part]:
    """Writes the links of a group to scratch, where the process that crawls it reads them."""
    number, links = keyed
    group = groups[number]
    name = links_file(group)
    done = finished_part(group.folder, name, group.key)
    if done is not None:
        return [done]
    rows = [{"id": link.id, "url": link.url, "host": link.host} for link in links if link]
    with PartWriter(group.folder, name, _LINKS, group.key, fingerprinted=False) as writer:
        writer.add(sorted(rows, key=lambda row: row["id"]))
    return [writer.finish()]


def links_file(group: Group) -> str:
    """Where the links of a group are, in the stage's folder."""
    return part_name(group.number, group.of, f"{WORK}/links")


def crawl_share(share: CrawlShare) -> list[Part]:
    """Crawls the groups of one process."""
    return crawl_groups(
        share, lambda group: read_links(files.join(group.folder, links_file(group)))
    )


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
        said = ", ".join(f"{n:,} {outcome}" for outcome, n in sorted(dropped.items()))
        remedy = "See `webtext show ROOT fetches` for the errors"
        if dropped.keys() <= passing:
            remedy = "Check the network (and pages.via), then run the same command again"
        raise WebtextError(f"Stage pages fetched no page: {said}", remedy)
    return manifest


def plan_rescue(
    unit: wayback.Rescue, parts: Sequence[Part]
) -> tuple[wayback.Rescue, tuple[Part, ...]]:
    """The unit with its tables, and the parts that it has nothing to do with."""
    tables = sorted(part.file.name for part in parts if part.file and is_first_table(part))
    others = tuple(part for part in parts if not is_first_table(part))
    return replace(unit, tables=tuple(tables)), others


def is_first_table(part: Part) -> bool:
    """Whether a part is a fetch table that the Wayback Machine is still to go through."""
    return part.file is not None and part.file.name.startswith(wayback.FIRST)


def rescue_parts(planned: tuple[wayback.Rescue, tuple[Part, ...]]) -> list[Part]:
    """The last fetch tables, the archives of the Wayback Machine's pages, and the other parts."""
    unit, others = planned
    return [*wayback.rescue(unit), *others]
