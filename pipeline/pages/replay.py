"""A replay server on loopback: serves the pages of a WARC by Host header and path.

`python -P -m pipeline.pages.replay FILE.warc.gz [--port N]` prints its address and
serves until it is ended.  It stands in for the web in the quickstart and in tests:
the crawler reaches it by `pages.via`.
"""

from __future__ import annotations

import argparse
import asyncio
import signal

from aiohttp import web

from pipeline.store.addresses import canonical_key
from pipeline.store.archives import read_responses, responses


def page_index(archive: str) -> dict[str, int]:
    """{canonical key: offset} of the pages of an archive."""
    return {canonical_key(found.url): found.offset for found in responses(archive)}


def make_app(archive: str) -> web.Application:
    """The server: pages of the archive, an open robots.txt for each host, 404 for the rest."""
    index = page_index(archive)

    async def serve(request: web.Request) -> web.Response:
        if request.path == "/robots.txt":
            return web.Response(text="User-agent: *\nAllow: /\n")
        offset = index.get(canonical_key(f"https://{request.host}{request.path_qs}"))
        if offset is None:
            return web.Response(status=404, text="not in the archive")
        page = next(read_responses(archive, [offset]))
        kept = ("content-type", "content-encoding")
        headers = {name: page.headers.joined(name) for name in kept if page.headers.values(name)}
        return web.Response(body=page.body, headers=headers)

    app = web.Application()
    app.router.add_get("/{path:.*}", serve)
    return app


async def serve_until_ended(archive: str, address: str, port: int) -> None:
    """Serves on an address of this machine and prints it; ends on SIGTERM or SIGINT."""
    runner = web.AppRunner(make_app(archive), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, address, port)
    await site.start()
    host, real_port = runner.addresses[0][:2]
    print(f"http://{host}:{real_port}", flush=True)  # noqa: T201  # the program's output
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    await runner.cleanup()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive")
    parser.add_argument("--host", default="127.0.0.1", help="address to serve on")
    parser.add_argument("--port", type=int, default=8017)
    arguments = parser.parse_args()
    asyncio.run(serve_until_ended(arguments.archive, arguments.host, arguments.port))


if __name__ == "__main__":
    main()
