"""The web server of `webtext browse`: on loopback, for whoever has the token, read-only.

What other pages of the same browser could try is refused: a Host header of another name (DNS
rebinding), an address without the token, any method but GET and HEAD, frames around ours, and
by the policies below all scripts, styles and resources that are not files of this folder.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.resources import files as package_files
from typing import Any

import duckdb
from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.browse.archived import archived_page
from pipeline.browse.duplicates import duplicate_list, pair
from pipeline.browse.months import months
from pipeline.browse.overview import overview
from pipeline.browse.page_list import page_list
from pipeline.browse.page_view import page_view
from pipeline.browse.runs import runs_view, trace_view
from pipeline.browse.site import BrowsedCorpus, Maker, NotThereError
from pipeline.browse.thresholds import difference, thresholds
from pipeline.browse.token_view import token_view
from pipeline.store.errors import SettingError, WebtextError, system_error
from pipeline.store.own_texts import name_in

_LOG = logging.getLogger(__name__)
_ADDRESS = "127.0.0.1"
_TOKEN_BYTES = 24
#: Views by address; `{name}` is an id, or empty.
_VIEWS: dict[str, Maker] = {
    "": overview,
    "pages": page_list,
    "page/{name}": page_view,
    "tokens/{name}": token_view,
    "duplicates": duplicate_list,
    "pair/{name}": pair,
    "thresholds": thresholds,
    "difference": difference,
    "months": months,
    "runs": runs_view,
    "trace": trace_view,
}
_STATIC = {"browse.css": "text/css", "browse.js": "text/javascript"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-DNS-Prefetch-Control": "off",
}
#: Of an archived page, which is someone else's: styles and images of its own text alone.
_SANDBOX = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
_SITE = web.AppKey("site", BrowsedCorpus)
_PAGES = web.AppKey("pages", Environment)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(site: BrowsedCorpus, token: str) -> web.Application:
    """The server's pages, all below `/TOKEN/`."""
    app = web.Application(middlewares=[_guard(token)])
    app[_SITE] = site
    app[_PAGES] = page_templates(f"/{token}", site.corpus.root)
    for address, maker in _VIEWS.items():
        app.router.add_get(f"/{{token}}/{address}", partial(_show, maker))
    app.router.add_get("/{token}/archived/{name}", _archived)
    app.router.add_get("/{token}/static/{name}", _static)
    return app


def page_templates(base: str, root: str) -> Environment:
    """The templates of all views, for pages below `base` of the corpus `root`."""
    pages = Environment(
        loader=PackageLoader("pipeline.browse"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.globals |= {"base": base, "root": root}
    pages.filters["named"] = _named
    return pages


def _named(address: str | None) -> str:
    """The name of a text that has no address of its own; else the address."""
    return name_in(address or "") or address or ""


def _guard(token: str) -> Any:
    @web.middleware
    async def check(request: web.Request, handler: _Handler) -> web.StreamResponse:
        response = await _refusal(request, token) or await _answer(request, handler)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return check


async def _refusal(request: web.Request, token: str) -> web.Response | None:
    """Whom the server does not know."""
    host, _, port = request.host.rpartition(":")
    own = request.transport.get_extra_info("sockname") if request.transport else None
    if host not in (_ADDRESS, "localhost") or own is None or port != str(own[1]):
        return web.Response(status=421, text="This server is not known by that name.\n")
    given = request.path.removeprefix("/").partition("/")[0]
    if not hmac.compare_digest(given.encode(), token.encode()):
        return web.Response(status=403, text="Open the address that `webtext browse` printed.\n")
    if request.method not in ("GET", "HEAD"):
        return web.Response(status=405, text="Nothing is changed here.\n")
    return None


async def _answer(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """What the handler answers, or its error as a page."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _error_page(request, error.status, error.reason, "")
    except WebtextError as error:
        status = {NotThereError: 404, SettingError: 400}.get(type(error), 500)
        return _error_page(request, status, error.what, error.remedy)
    except duckdb.InterruptException:
        return _error_page(request, 503, "This browsing was ended", "")
    except Exception as error:
        _LOG.exception("No answer to %s", request.path.partition("/")[2].partition("/")[2])
        what = f"{type(error).__name__}: {error}"
        return _error_page(request, 500, what, "Please report it with what the terminal shows")


def _error_page(request: web.Request, status: int, what: str, remedy: str) -> web.Response:
    template = request.app[_PAGES].get_template("error.html")
    text = template.render(title="Error", what=what, remedy=remedy, here="")
    return web.Response(text=text, status=status, content_type="text/html")


async def _show(maker: Maker, request: web.Request) -> web.Response:
    name = request.match_info.get("name", "")
    view = await asyncio.to_thread(request.app[_SITE].view, maker, request.query, name)
    here = request.path.split("/")[2]
    template = request.app[_PAGES].get_template(view.template)
    text = await asyncio.to_thread(template.render, here=here, **view.values)
    return web.Response(text=text, content_type="text/html")


async def _archived(request: web.Request) -> web.Response:
    """A page as archived; the policy keeps it from scripts and from the network."""
    catalogue = request.app[_SITE].catalogue
    found = await asyncio.to_thread(archived_page, catalogue, request.match_info["name"])
    text = found.html
    if not text:
        text = request.app[_PAGES].get_template("archived.html").render(found=found)
    return web.Response(
        text=text, content_type="text/html", headers={"Content-Security-Policy": _SANDBOX}
    )


async def _static(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in _STATIC:
        raise web.HTTPNotFound
    body = package_files("pipeline.browse").joinpath("static", name).read_bytes()
    return web.Response(body=body, content_type=_STATIC[name], charset="utf-8")


async def serve(site: BrowsedCorpus, port: int, say: Callable[[str], None]) -> None:
    """Serves until SIGINT or SIGTERM; `say` is told the address once it can be opened.

    Raises WebtextError where the port is taken.
    """
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    runner = web.AppRunner(make_app(site, token), access_log=None)  # it would log the token
    await runner.setup()
    try:
        await web.TCPSite(runner, _ADDRESS, port).start()
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        say(f"http://{_ADDRESS}:{runner.addresses[0][1]}/{token}/")
        await ended.wait()
    except OSError as error:
        ours = system_error(error)
        raise ours or error from None
    finally:
        await asyncio.to_thread(site.close)
        await runner.cleanup()
