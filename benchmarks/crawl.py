"""The crawler beside a bare aiohttp loop: pages for each CPU second, and memory as it goes.

    python benchmarks/crawl.py [--pages 4000] [--hosts 200]

A server in another process gives gzip pages of some 50 KB (120 KB of HTML) under many
host names.  The bare loop fetches and decompresses them and keeps nothing.  The
crawler does all it does for the web: robots.txt, address guard, one request at a time
for each host, caps, opt-outs, WARC records, journal and fetch table.  Both have the
same number of connections; CPU is that of this process alone.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import multiprocessing
import random
import resource
import tempfile
import time
from multiprocessing.connection import Connection

import aiohttp
from aiohttp import web

from pipeline.corpus import page_id
from pipeline.pages.crawl import Link, loop_factory
from pipeline.pages.group import Group, fetch_group
from pipeline.pages.settings import PagesSettings

CONNECTIONS = 64


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
    headers = {"Content-Type": "text/html; charset=utf-8", "Content-Encoding": "gzip"}

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/robots.txt":
            return web.Response(text="User-agent: *\nDisallow: /private/\n")
        if request.path.startswith("/.well-known/"):
            return web.Response(status=404)
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


def megabytes() -> float:
    """Peak memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Runs both, twice in turn, and prints the better of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=4_000)
    parser.add_argument("--hosts", type=int, default=200)
    chosen = parser.parse_args()
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(there,), daemon=True)
    server.start()
    origin, size = here.recv()
    hosts = [f"h{i}.example" for i in range(chosen.hosts)]
    urls = [f"http://{hosts[i % len(hosts)]}/{i}" for i in range(chosen.pages)]
    links = [Link(page_id(url), url, url.split("/")[2]) for url in urls]
    settings = PagesSettings(
        via=origin, allow_hosts=("127.0.0.1",), delay=0.0, hosts_at_once=CONNECTIONS
    )
    rates: dict[str, list[float]] = {"bare aiohttp": [], "crawler": []}
    for _ in range(2):
        started = time.process_time()
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(bare(origin, links))
        rates["bare aiohttp"].append(len(links) / (time.process_time() - started))
        with tempfile.TemporaryDirectory() as folder:
            started = time.process_time()
            parts = fetch_group(Group(0, 1, folder, "benchmark", settings, ()), links)
            rates["crawler"].append(len(links) / (time.process_time() - started))
        assert parts[0].counts.kept == len(links), parts[0].counts
        print(f"peak memory {megabytes():.0f} MB")
    server.terminate()
    best = {name: max(found) for name, found in rates.items()}
    print(f"{len(links):,} pages of {size:,} bytes over {len(hosts)} hosts")
    for name, rate in best.items():
        print(f"{name}: {rate:,.0f} pages for each CPU second")
    print(f"ratio {best['crawler'] / best['bare aiohttp']:.2f}")


if __name__ == "__main__":
    main()
