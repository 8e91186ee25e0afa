"""Events of TSP instruments by number: detectors that latch them, and processes that wait for them or for time.

Facts: 2600B reference manual, tagged K26-<page>.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial

from labctl_sim.tsp_names import Attribute, Function, Name, whole
from labctl_sim.world import World

DEEPEST = 40  # events that are caused by events that ...
MOST_STEPS = 1_000_000  # of one process: nothing that is begun here goes on for ever

Wait = float
Steps = Generator["Wait | Detector", None, None]


class Detector:
    """Latches the event whose number is ``stimulus``; 0 is none."""

    def __init__(self, events: Events) -> None:
        self.stimulus = 0.0
        self.latched = False
        self.overrun = False
        self.wake: Callable[[], None] | None = None
        self.heard: Callable[[], None] | None = None  # instead of latching
        events.detectors.append(self)

    def detect(self) -> None:
        """The event happened."""
        if self.heard is not None:
            self.heard()
        elif self.wake is not None:
            wake, self.wake = self.wake, None
            wake()
        else:
            self.overrun = self.overrun or self.latched
            self.latched = True

    def take(self) -> bool:
        """Whether an event was latched; it no longer is."""
        latched, self.latched = self.latched, False
        return latched

    def clear(self) -> None:
        """Forget what was latched, and who waits."""
        self.latched = self.overrun = False
        self.wake = None

    def names(self, prefix: str = "") -> dict[str, Name]:
        """``stimulus``, ``set()`` and ``clear()`` under ``prefix``."""
        return {f"{prefix}stimulus": self.stimulus_name(), f"{prefix}set": Function(self.detect, "K26A-19-143")}

    def overrun_name(self) -> Attribute:
        """The attribute that says whether an event came while one was still latched."""
        return Attribute(lambda: self.overrun, page="TMD")

    def stimulus_name(self) -> Attribute:
        """The attribute that says which event it hears."""
        check = whole(0, 1000)
        return Attribute(lambda: self.stimulus, lambda value: setattr(self, "stimulus", check(value)), page="K26-9-255")


class Events:
    """Everything that can hear an event."""

    def __init__(self) -> None:
        self.detectors: list[Detector] = []
        self._depth = 0

    def fire(self, number: float) -> None:
        """The event ``number`` happens now."""
        if self._depth >= DEEPEST:
            return  # objects that trigger each other in a circle
        self._depth += 1
        try:
            for detector in self.detectors:
                if detector.stimulus == number:
                    detector.detect()
        finally:
            self._depth -= 1


class Process:
    """Something that takes its steps while the world's clock runs: it waits for seconds, or for a detector."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._steps: Steps | None = None
        self._run = 0
        self._left = 0
        self.since = 0.0

    @property
    def running(self) -> bool:
        """True from its start to its end."""
        return self._steps is not None

    def start(self, steps: Steps) -> None:
        """Begin; what ran before is cancelled."""
        self.cancel()
        self._steps, self._left, self.since = steps, MOST_STEPS, self._world.now()
        self._go(self._run)

    def cancel(self) -> None:
        """Stop where it is."""
        self._run += 1
        self._steps = None

    def _go(self, run: int) -> None:
        while run == self._run and self._steps is not None:
            self._left -= 1
            wait = next(self._steps, None) if self._left else None
            if run != self._run:
                return  # it was cancelled by what it did
            if wait is None:
                self._steps = None
                return
            if isinstance(wait, Detector):
                if not wait.take():
                    wait.wake = partial(self._go, run)
                    return
            elif wait > 0:
                self._world.at(self._world.now() + wait, partial(self._go, run))
                return
