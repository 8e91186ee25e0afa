"""A waveform that an instrument plays, and how many of its cycles are to be played when."""

from __future__ import annotations

import math
from dataclasses import dataclass

from labctl_sim.waveform import Capture, Waveform


@dataclass
class Run:
    """A waveform that plays since ``since``, ``cycles`` times (maybe for ever), ``played`` of them so far."""

    waveform: Waveform
    ohms: float
    since: float
    cycles: float
    triggers: bool
    played: int = 0

    @property
    def ends(self) -> float:
        """When its last cycle is over."""
        return self.since + self.cycles * self.waveform.period_seconds

    def take(self, now: float, capture: Capture | None, *, over: bool) -> tuple[int, float]:
        """How many cycles are to be played now, and when their first one began; they count as played.

        Those that are complete by ``now``, or all when it is ``over``; but a record in ``capture`` that spans cycles is
        taken in one piece.
        """
        period = self.waveform.period_seconds
        due = self.cycles if over else min(self.cycles, int((now - self.since) / period + 1e-9))
        if capture is not None and not capture.complete:
            span = capture.sample_seconds[-1]
            if math.isfinite(self.cycles):
                if due > 0 and span > period:
                    due = self.cycles
            elif due - self.played <= span / period:
                due = self.played  # not yet as many cycles as one record spans
        first, self.played = self.played, max(int(due), self.played)
        return self.played - first, self.since + first * period

    def begun(self, now: float) -> tuple[float, float] | None:
        """How many seconds have been played by ``now`` of a cycle that is not complete, and since when."""
        begun = self.since + self.played * self.waveform.period_seconds
        if now <= begun:
            return None
        return min(now - begun, self.waveform.period_seconds), begun
