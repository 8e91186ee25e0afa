"""Triggers on CH1's own level: cycles are sampled in a wider window, and cut where the level is crossed.

What lies within a window after the beginning of a cycle is found; the noise of an input at rest triggers nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl_sim.tektronixmso_record import RecordSettings
from labctl_sim.waveform import Capture

LEAST_SPAN = 4096  # samples after the beginning of a cycle that are searched, at least
MOST_SAMPLES = 60_000_000  # in all windows together


class LevelTrigger:
    """Fills ``capture`` from ``window``, which is what the world has to be armed with."""

    def __init__(self, capture: Capture, settings: RecordSettings, level_volts: float, slope: str, span: int) -> None:
        self._capture = capture
        seen = settings.verticals[0]
        self._level = (level_volts - seen.offset) / seen.ymult + seen.yoff
        self._slope = slope
        self._span = span
        self._length = settings.length
        first = min(settings.start_seconds, 0.0)
        self._zero = round(-first * settings.rate)  # the sample at which the cycle begins
        self._shift = round(settings.start_seconds * settings.rate)
        samples = self._zero + span + max(self._shift + settings.length, 0)
        self._times = (np.arange(samples) - self._zero) / settings.rate
        self.window = self._armed()

    @classmethod
    def fitting(cls, state: Mapping[str, Any], capture: Capture, settings: RecordSettings) -> LevelTrigger | None:
        """A trigger as the panel is set up; None if there is no memory for its windows."""
        span = max(settings.length, LEAST_SPAN)
        samples = capture.frames * (2 * span + settings.length + abs(settings.start_seconds) * settings.rate)
        if samples > MOST_SAMPLES:
            return None
        return cls(capture, settings, state["level1"], state["slope"], span)

    def _armed(self) -> Capture:
        capture = self._capture
        return Capture(
            sample_seconds=self._times,
            frames=capture.frames - capture.filled,
            volts_per_count=capture.volts_per_count,
            zero_counts=capture.zero_counts,
            noise_volts=capture.noise_volts,
        )

    def harvest(self) -> bool:
        """Take the frames in which the level was crossed; True if a new window has to be armed for those that lack."""
        if not self.window.filled or self._capture.complete:
            return False
        for counts in self.window.counts[: self.window.filled]:
            free = 0  # a trigger that comes while a record is being taken is missed
            for place in self._crossings(counts):
                begin = place + self._shift
                if place >= free and not self._capture.complete:
                    self._capture.counts[self._capture.filled] = counts[begin : begin + self._length]
                    self._capture.filled += 1
                    free = begin + self._length
        if self._capture.complete:
            return False
        self.window = self._armed()
        return True

    def _crossings(self, counts: NDArray[Any]) -> list[int]:
        above = counts[self._zero : self._zero + self._span] >= self._level
        before, after = above[:-1], above[1:]
        edges = {"RIS": ~before & after, "FALL": before & ~after, "EIT": before != after}[self._slope]
        return [int(place) + 1 + self._zero for place in np.flatnonzero(edges)]
