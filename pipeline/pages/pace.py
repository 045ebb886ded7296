"""How fast a group of hosts is crawled: over the last half minute, since hosts come and go."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable

from pipeline.store.progress import HostPace, Pace, slowest_of

_WINDOW = 30.0  # seconds


class Meter:
    """Counts pages and their bytes, and tells the pace of the last half minute."""

    def __init__(self) -> None:
        self._pages = self._bytes = 0
        self._marks = deque([(time.monotonic(), 0, 0)])

    def count(self, size: int) -> None:
        """One more link ended, with a body of `size` bytes as received."""
        self._pages += 1
        self._bytes += size

    def pace(self, hosts: Iterable[HostPace]) -> Pace:
        """The pace until now; to be called every second or so."""
        now, paces = time.monotonic(), list(hosts)
        while len(self._marks) > 1 and now - self._marks[1][0] >= _WINDOW:
            self._marks.popleft()
        since, pages, size = self._marks[0]
        seconds = max(now - since, 1e-3)
        self._marks.append((now, self._pages, self._bytes))
        return Pace(
            (self._pages - pages) / seconds,
            (self._bytes - size) / seconds,
            len(paces),
            slowest_of(paces),
        )
