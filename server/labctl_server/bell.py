"""A bell: whoever waits for news wakes when it rings, or soon by himself, since news may come from elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable
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

    def ring(self) -> None:
        """Wake everybody."""
        with self._news:
            self._rings += 1
            self._news.notify_all()

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


def _gone(request: Request) -> bool:
    """Whether the caller has hung up; asked from a worker thread of the event loop."""
    gone: bool = anyio.from_thread.run(request.is_disconnected)
    return gone
