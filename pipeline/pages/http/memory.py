"""How much of the bodies in flight is held at once: a limit for all connections together."""

from __future__ import annotations

import asyncio
from collections import deque

#: What a body may hold without asking: most pages are smaller, and wait for nobody.
FREE = 1 << 16


class Memory:
    """Bytes of bodies that are held; use `share` for each body.

    When the limit is reached, bodies wait, and their senders with them, until others are done.
    The one that has waited longest goes on all the same, so that there is always one that can
    end: what is held is at most the limit, one body, and `FREE` for each connection.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._held = limit, 0
        self._waiting: deque[Share] = deque()
        self._beyond: Share | None = None

    def share(self) -> Share:
        """The share of one body."""
        return Share(self)

    def _may_grow(self, share: Share, size: int) -> bool:
        return self._held + size <= self._limit or share is self._beyond

    def _take(self, share: Share, size: int) -> None:
        self._held += size
        share.held += size

    def _wake(self) -> None:
        """Lets those go on for whom there is room, in turn."""
        while self._waiting:
            first = self._waiting[0]
            if self._beyond is None:
                self._beyond = first
            if not self._may_grow(first, first.wanted):
                return
            self._waiting.popleft()
            self._take(first, first.wanted)
            first.woken.set()


class Share:
    """What one body holds; use as a context manager."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.held = self.wanted = 0
        self.woken = asyncio.Event()

    def fits(self, size: int) -> bool:
        """Takes note that the body has grown to `size` bytes; False where it has to `wait`."""
        memory, more = self._memory, max(0, size - FREE) - self.held
        if more > 0 and not memory._may_grow(self, more):
            self.wanted = more
            return False
        memory._take(self, max(more, 0))
        return True

    async def wait(self) -> None:
        """Waits until there is room for what did not fit."""
        memory = self._memory
        self.woken.clear()
        memory._waiting.append(self)
        memory._wake()
        try:
            await self.woken.wait()
        finally:
            if self in memory._waiting:
                memory._waiting.remove(self)

    def __enter__(self) -> Share:
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()

    def give_back(self) -> None:
        """Gives all back."""
        memory = self._memory
        memory._held -= self.held
        self.held = 0
        if memory._beyond is self:
            memory._beyond = None
        memory._wake()
