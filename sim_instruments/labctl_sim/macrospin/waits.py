"""Says that columns are being worked out: a bench that stands still for minutes should say why."""

from __future__ import annotations

import logging

from labctl.core.clock import Clock

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 10.0  # from one line of the log to the next, and from one column to the next of the same wait


class Waits:
    """One line when a wait begins, another every `PATIENCE_SECONDS` while it lasts; ``kept`` says where columns go."""

    def __init__(self, clock: Clock, kept: str) -> None:
        self._clock = clock
        self._kept = kept
        self._count = 0
        self._seen = self._said = -float("inf")

    def one_more(self) -> None:
        """To be called before every column that has to be worked out."""
        now = self._clock.now()
        if now - self._seen > PATIENCE_SECONDS:
            self._count, self._said = 0, now
            log.info(
                "the switching table has no column for this pulse of this junction: working it out, and those beside "
                "it, up to some 300, which takes seconds to minutes (%s)",
                self._kept,
            )
        elif now - self._said >= PATIENCE_SECONDS:
            self._said = now
            log.info("the switching table: %d columns worked out so far", self._count)
        self._count += 1
        self._seen = now
