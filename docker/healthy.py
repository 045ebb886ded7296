"""Health check: exit code 0 when a URL answers with 200, or when `host:port` takes connections."""

import http.client
import socket
import sys
from urllib.parse import urlsplit

_SECONDS = 5  # less than the time-out of the health checks that call this


def healthy(address: str) -> None:
    """Raises OSError when nothing answers at the address, or not well."""
    if not address.startswith("http://"):
        host, _, port = address.rpartition(":")
        socket.create_connection((host, int(port)), _SECONDS).close()
        return
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.netloc, timeout=_SECONDS)
    connection.request("GET", place.path or "/")
    answer = connection.getresponse()
    if answer.status != http.client.OK:
        raise OSError(f"{address} answers {answer.status}: {answer.read(200).decode()!r}")


if __name__ == "__main__":
    try:
        healthy(sys.argv[1])
    except OSError as error:
        sys.exit(f"not healthy: {error}")
