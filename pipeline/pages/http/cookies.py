"""Cookies of one chain of redirects: some sites send nobody on who does not bring them back.

Nothing is kept beyond the chain.  Which cookie goes to which address is the standard library's
to say (`http.cookiejar`, RFC 2965 and Netscape's rules).
"""

from __future__ import annotations

from email.message import Message
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from typing import cast
from urllib.request import Request

from pipeline.store.http_answer import Headers

_MOST = 50  # Set-Cookie headers of one answer that are read
_LONGEST = 8_192  # characters of a Cookie header; servers refuse longer ones


class _Told:
    """An answer as the cookie jar wants it: its headers."""

    def __init__(self, values: list[str]) -> None:
        self._message = Message()
        for value in values:
            self._message["Set-Cookie"] = value

    def info(self) -> Message:
        return self._message


class ChainCookies:
    """The cookies that the hops of one chain have set."""

    def __init__(self) -> None:
        self._jar: CookieJar | None = None

    def take(self, url: str, headers: Headers) -> None:
        """Keeps what an answer sets."""
        values = headers.values("set-cookie")[:_MOST]
        if values:
            self._jar = self._jar or CookieJar()
            self._jar.extract_cookies(cast("HTTPResponse", _Told(values)), Request(url))  # noqa: S310

    def header(self, url: str) -> str:
        """The value of the Cookie header for an address; empty where none is to be sent."""
        if self._jar is None:
            return ""
        request = Request(url)  # noqa: S310  # nothing is opened by it
        self._jar.add_cookie_header(request)
        value = request.get_header("Cookie") or ""
        return value if len(value) <= _LONGEST else ""
