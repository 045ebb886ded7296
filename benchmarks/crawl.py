"""The crawler beside a bare aiohttp loop, its hosts side by side, and its memory.

    python benchmarks/crawl.py [--pages 4000] [--hosts 200]
    python benchmarks/crawl.py flat [--pages 100000] [--hosts 4000]
    python benchmarks/crawl.py frontier [--pages 4] [--hosts 40]
    python benchmarks/crawl.py memory [--hosts 64]

A server in another process gives gzip pages of some 50 KB (120 KB of HTML) under many
host names.  The bare loop fetches and decompresses them and keeps nothing.  The
crawler does all it does for the web: robots.txt, address guard, one request at a time
for each host, caps, opt-outs, WARC records, journal and fetch table.  Both have the
same number of connections; CPU is that of this process alone.  The bare loop is run as
aiohttp comes, and with the inflater that the crawler has (zlib-ng).

With `flat` the crawler goes on alone, a group of 5,000 links after the other, and says for
each group what it took and how much memory it holds.  With `frontier` it crawls so many pages
of each host, a second apart, in 8 groups: as the stage does, all hosts side by side, and one
group after another.  With `memory` each host has one page of 9.7 MB, and the most memory that
the crawl takes beyond what it began with is told, by several limits for bodies in flight.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import multiprocessing
import random
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from types import ModuleType

import aiohttp
import psutil
from aiohttp import web
from zlib_ng import zlib_ng

from pipeline.pages.crawl import Link, loop_factory
from pipeline.pages.group import Group
from pipeline.pages.settings import PagesSettings
from pipeline.pages.worker import CrawlShare, crawl_groups, fetch_group
from pipeline.store.addresses import page_id
from pipeline.store.blocklist import AddressRules

CONNECTIONS = 64
GROUP = 5_000  # links, as the setting `links_a_group` has it
GROUPS = 8  # as the stage makes them of few links
LARGE = 9_700_000  # bytes of a page for `memory`


def page() -> bytes:
    """Some 120 KB of HTML that gzip makes 50 KB of; the same on each run."""
    chosen = random.Random(7)
    words = ["".join(chosen.choices("etaoinshrdlu", k=chosen.randint(2, 9))) for _ in range(4_000)]
    body = " ".join(chosen.choices(words, k=18_500))
    html = f"<html><head><meta charset=utf-8><title>A page</title></head><body>{body}</body></html>"
    return gzip.compress(html.encode(), 6)


def serve(told: Connection) -> None:
    """The server process."""
    body = page()
    kind = {"Content-Type": "text/html; charset=utf-8"}
    headers = {**kind, "Content-Encoding": "gzip"}
    large = (b"<html><body><p>" + b"some words and more of them, " * (LARGE // 29 + 1))[:LARGE]

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/robots.txt":
            return web.Response(text="User-agent: *\nDisallow: /private/\n")
        if request.path.startswith("/.well-known/"):
            return web.Response(status=404)
        if request.path.startswith("/large/"):
            return web.Response(body=large, headers=kind)
        # Another time in the gzip header makes each body another one, so all are archived.
        number = int(request.path.rsplit("/", 1)[1])
        unlike = body[:4] + number.to_bytes(4, "little") + body[8:]
        return web.Response(body=unlike, headers=headers)

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        told.send((f"http://127.0.0.1:{runner.addresses[0][1]}", len(body)))
        await asyncio.Event().wait()

    asyncio.run(run())


async def bare(origin: str, links: list[Link]) -> None:
    """A plain loop of as many tasks as there are connections."""
    waiting = iter(links)
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def work() -> None:
            for link in waiting:
                path = link.url.split("/", 3)[3]
                host = {"Host": link.host}
                async with session.get(f"{origin}/{path}", headers=host) as response:
                    await response.read()

        await asyncio.gather(*(work() for _ in range(CONNECTIONS)))


class Server:
    """The server in its process, and links that lead to it."""

    def __init__(self) -> None:
        here, there = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=serve, args=(there,), daemon=True)
        self.process.start()
        self.origin, self.size = here.recv()

    def settings(self, **changes: float) -> PagesSettings:
        """Those of the open web, without a delay."""
        values = {"delay": 0.0, "hosts_at_once": CONNECTIONS, "timeout": 300.0, **changes}
        return PagesSettings(via=self.origin, allow_hosts=("127.0.0.1",), **values)


def links_of(numbers: range, hosts: int, prefix: str = "") -> list[Link]:
    """A link for each number, the hosts in turn; their names begin with `prefix`."""
    urls = [f"http://{prefix}h{number % hosts}.example/{number}" for number in numbers]
    return [Link(page_id(url), url, url.split("/")[2]) for url in urls]


def timed_bare(server: Server, links: list[Link], inflater: ModuleType) -> float:
    """Pages for each CPU second of the bare loop."""
    aiohttp.set_zlib_backend(inflater)
    started = time.process_time()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(bare(server.origin, links))
    return len(links) / (time.process_time() - started)


def timed_crawl(server: Server, links: list[Link]) -> float:
    """Pages for each CPU second of the crawler."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        parts = fetch_group(Group(0, 1, folder, "benchmark", server.settings(), ()), links)
        seconds = time.process_time() - started
    assert parts[0].counts.kept == len(links), parts[0].counts
    return len(links) / seconds


def compare(server: Server, pages: int, hosts: int) -> None:
    """All three in turn, three times; prints the median of each and the ratios of the rounds."""
    links = links_of(range(pages), hosts)
    print(f"{pages:,} pages of {server.size:,} bytes over {hosts} hosts, for each CPU second:")
    rounds = []
    for _ in range(3):
        plain, quick = (timed_bare(server, links, inflater) for inflater in (zlib, zlib_ng))
        rounds.append((plain, quick, timed_crawl(server, links)))
        print("bare {:,.0f}, bare with zlib-ng {:,.0f}, crawler {:,.0f}".format(*rounds[-1]))
    for number, name in enumerate(("bare aiohttp", "bare aiohttp with zlib-ng")):
        ratios = sorted(one[2] / one[number] for one in rounds)
        print(f"crawler to {name}: {ratios[1]:.2f} ({ratios[0]:.2f} to {ratios[2]:.2f})")


def flat(server: Server, pages: int, hosts: int) -> None:
    """One group after the other; prints CPU and memory of each."""
    groups = max(1, pages // GROUP)
    print(f"{groups * GROUP:,} pages of {server.size:,} bytes over {hosts:,} hosts")
    for number in range(groups):
        # Hosts stay together, as in the stage: each group has its own share of them.
        numbers, started = range(number * GROUP, (number + 1) * GROUP), time.monotonic()
        rate = timed_crawl(server, links_of(numbers, hosts // groups, f"g{number}-"))
        took, held = time.monotonic() - started, psutil.Process().memory_info().rss / 1e6
        print(
            f"{numbers.stop:>7,} pages: {rate:,.0f} for each CPU second, "
            f"{GROUP / took:,.0f} for each second, {held:,.0f} MB held",
            flush=True,
        )


def frontier(server: Server, pages: int, hosts: int) -> None:
    """Prints the seconds of a crawl with a second between two requests to a host."""
    settings = server.settings(delay=1.0, delay_factor=0.0)
    print(f"{pages} pages of each of {hosts} hosts, and two files before them, a second apart:")
    for name, at_once in (("all hosts side by side", GROUPS), ("a group after another", 1)):
        with tempfile.TemporaryDirectory() as folder:
            groups = tuple(
                Group(number, GROUPS, folder, "benchmark", settings, ()) for number in range(GROUPS)
            )
            links = {
                group.name: links_of(range(pages * hosts // GROUPS), hosts // GROUPS, group.name)
                for group in groups
            }
            started = time.monotonic()
            for first in range(0, GROUPS, at_once):
                chosen = groups[first : first + at_once]
                share = CrawlShare(first, chosen, folder, settings, AddressRules())
                crawl_groups(share, lambda group, links=links: links[group.name])
            print(f"{name}: {time.monotonic() - started:.1f} s", flush=True)


def memory(server: Server, hosts: int) -> None:
    """Prints the most memory by several limits; each crawl has a process of its own."""
    print(f"{hosts} hosts with a page of {LARGE:,} bytes each, {hosts * LARGE / 1e6:,.0f} MB:")
    fork = multiprocessing.get_context("fork")
    for limit in (64, 256, 1_024):
        crawling = fork.Process(target=large_pages, args=(server, hosts, limit))
        crawling.start()
        crawling.join()


def large_pages(server: Server, hosts: int, limit: int) -> None:
    """A crawl of large pages under a limit of memory."""
    settings = server.settings(memory_mb=limit)
    urls = [f"http://h{number}.example/large/{number}" for number in range(hosts)]
    links = [Link(page_id(url), url, url.split("/")[2]) for url in urls]
    with tempfile.TemporaryDirectory() as folder, most_memory() as held:
        started = time.monotonic()
        parts = fetch_group(Group(0, 1, folder, "benchmark", settings, ()), links)
        took = time.monotonic() - started
    assert parts[0].counts.kept == hosts, parts[0].counts
    print(f"memory_mb = {limit}: {max(held) - held[0]:,.0f} MB more, {took:.1f} s", flush=True)


@contextmanager
def most_memory() -> Iterator[list[float]]:
    """Megabytes that this process holds, again and again while the block runs."""
    process, ended = psutil.Process(), threading.Event()
    held = [process.memory_info().rss / 1e6]

    def watch() -> None:
        while not ended.wait(0.005):
            held.append(process.memory_info().rss / 1e6)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield held
    finally:
        ended.set()
        thread.join()


def main() -> None:
    """Runs what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", default="rate", help="rate, flat, frontier or memory")
    parser.add_argument("--pages", type=int)
    parser.add_argument("--hosts", type=int)
    chosen = parser.parse_args()
    server = Server()
    if chosen.what == "flat":
        flat(server, chosen.pages or 100_000, chosen.hosts or 4_000)
    elif chosen.what == "frontier":
        frontier(server, chosen.pages or 4, chosen.hosts or 40)
    elif chosen.what == "memory":
        memory(server, chosen.hosts or 64)
    else:
        compare(server, chosen.pages or 4_000, chosen.hosts or 200)
    server.process.terminate()


if __name__ == "__main__":
    main()
