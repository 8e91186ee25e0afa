"""A bell: whoever waits for news wakes when it rings, or soon by himself, since news may come from elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import anyio.from_thread
from fastapi import Request

from labctl.core.clock import Clock, WallClock

T = TypeVar("T")


class Bell:
    """Rung after every change of a job; ``close`` sends everybody home."""

    def __init__(self, poll_seconds: float, clock: Clock | None = None) -> None:
        self._poll_seconds = poll_seconds
        self._clock = clock or WallClock()
        self._news = threading.Condition()
        self._rings = 0
        self._closed = False
        self._watchers: set[_Watcher] = set()

    @property
    def rings(self) -> int:
        """How often anything was rung or told; a watcher asks before he looks."""
        return self._rings

    def ring(self) -> None:
        """Wake everybody."""
        with self._news:
            self._rings += 1
            self._news.notify_all()
            self._wake(self._watchers)

    def tell(self, job: str) -> None:
        """Wake those who watch ``job``: there is news of it, and none for those who wait for work."""
        with self._news:
            self._rings += 1
            self._wake({watcher for watcher in self._watchers if watcher.job == job})

    async def news(self, job: str | None, rings: int) -> bool:
        """Wait until there may be news of ``job`` (None: only of states) since ``rings``; False once it is closed."""
        watcher = _Watcher(job, asyncio.get_running_loop(), asyncio.Event())
        with self._news:
            if self._closed:
                return False
            if self._rings != rings:
                return True
            self._watchers.add(watcher)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await watcher.woken.wait()
        finally:
            with self._news:
                self._watchers.discard(watcher)
        return not self._closed

    def _wake(self, watchers: Iterable[_Watcher]) -> None:
        for watcher in watchers:
            with contextlib.suppress(RuntimeError):  # its loop has ended, and so has he
                watcher.loop.call_soon_threadsafe(watcher.woken.set)

    def close(self) -> None:
        """Wake everybody for the last time: from now on nobody waits."""
        self._closed = True
        self.ring()

    def await_result(self, look: Callable[[], T | None], wait_seconds: float, request: Request) -> T | None:
        """What ``look`` returns, as soon as that is not None; None after ``wait_seconds`` or when the caller hung up.

        A caller that hung up must not be given a job: nobody would run it.
        """
        deadline = self._clock.now() + wait_seconds
        while True:
            rings = self._rings
            if _gone(request):
                return None
            found = look()
            left = deadline - self._clock.now()
            if found is not None or left <= 0 or self._closed:
                return found
            with self._news:
                # A bell that rang since we looked is not waited for: its news would be missed.
                if self._rings == rings:
                    self._news.wait(min(left, self._poll_seconds))


@dataclass(frozen=True, eq=False)
class _Watcher:
    """A coroutine that waits for news of a job, or of the states of all."""

    job: str | None
    loop: asyncio.AbstractEventLoop
    woken: asyncio.Event


def _gone(request: Request) -> bool:
    """Whether the caller has hung up; asked from a worker thread of the event loop."""
    gone: bool = anyio.from_thread.run(request.is_disconnected)
    return gone
