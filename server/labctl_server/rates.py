"""How often one caller may ask, so that a loop gone wild does not keep the others waiting."""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from labctl.core.errors import TooManyRequests


class Rates:
    """Counts requests by caller, in the memory of this process."""

    def __init__(self) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def count(self, caller: str, per_minute: int) -> None:
        """Count one request; raise TooManyRequests if it is one too many."""
        rate = RateLimitItemPerMinute(per_minute)
        if self._limiter.hit(rate, caller):
            return
        window = self._limiter.get_window_stats(rate, caller)
        again = window.reset_time - time.time()  # noqa: TID251 - limits counts in it
        seconds = max(1, math.ceil(again))
        raise TooManyRequests(
            f"{caller} asked more than {per_minute} times within a minute; ask again in {seconds} s, and follow a job "
            "at /v1/jobs/JOB/stream, or with ?wait=30, instead of asking for it again and again",
            seconds,
        )
