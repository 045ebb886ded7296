"""A worker of a cluster is killed in mid-crawl: hosts do not notice, and nothing is lost."""

from __future__ import annotations

import threading
from pathlib import Path

import psutil

from .built_pages import Corpus
from .hostile_server import HostileServer, hostile_server

HOSTS = 16
PAGES = 6
DELAY = 0.15


def urls() -> list[str]:
    """Pages of many hosts, and of hosts all over the groups that lead to one and the same."""
    own = [f"http://h{host}.test/{page}" for host in range(HOSTS) for page in range(PAGES)]
    return own + [f"http://to-shared{host}.test/" for host in range(HOSTS)]


def crawling(server: HostileServer) -> list[psutil.Process]:
    """The workers that have a connection to the server: those that crawl at this moment."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            ports = {one.raddr.port for one in child.net_connections("tcp") if one.raddr}
        except psutil.Error:
            continue  # it ended while it was looked at
        if server.port in ports:
            found.append(child)
    return found


def kill_one(server: HostileServer, pages: int, killed: list[int], ended: threading.Event) -> None:
    """Kills a worker that crawls, once the server was asked for so many pages."""
    while not ended.wait(0.02):
        if len(server.asked) > pages and (workers := crawling(server)):
            workers[0].kill()
            killed.append(workers[0].pid)
            return


def test_no_host_sees_two_requests_at_once(tmp_path: Path) -> None:
    """Neither from the worker that takes over, nor from one that comes by a redirect."""
    with hostile_server() as server:
        quiet = Corpus(tmp_path / "quiet", server)
        expected = quiet.build(urls())[-1].manifest
    with hostile_server() as server:
        disturbed = Corpus(tmp_path / "disturbed", server, workers=2)
        killed: list[int] = []
        ended = threading.Event()
        killer = threading.Thread(target=kill_one, args=(server, 60, killed, ended))
        killer.start()
        found = disturbed.build(urls(), delay=DELAY)[-1].manifest
        ended.set()
        killer.join()
        assert killed
        assert set(server.most_together.values()) == {1}
        assert len(server.most_together) == 2 * HOSTS + 1
        fetched = [(host, path) for host, path in server.asked if host.startswith("h")]
        again = len(fetched) - len(set(fetched))
    assert found.fingerprint == expected.fingerprint
    assert found.counts.kept == len(urls())
    assert again <= HOSTS * 3  # a page a host in flight, and each site's own two files
