"""The one world that all simulated instruments share: an array, its wiring, one virtual clock, one noise generator.

Front panels change it through a few verbs: ``show`` a source's face to the circuit, ``relays``, ``play`` a burst,
``run`` a waveform for ever, ``arm`` a digitizer, and ``at`` a later time do something. They read it through ``point``,
the present operating point. Time passes only when someone lets it pass by ``sleep``: then bursts play, and what was
appointed happens, in the order of time. It is the bench's Clock.

Where time is the room's, an instrument that takes its time lets the world run ahead, and what another one does
meanwhile happens at an earlier time of its own: ``as_of``. Relays, faces and junctions are those of the world then, as
far as it has run; what another instrument has appointed waits for the room.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
from numpy.typing import NDArray

from labctl.bench.wiring import Wiring
from labctl.core.device import Crosspoint
from labctl_sim import burst
from labctl_sim.array import JunctionArray
from labctl_sim.connections import PROMPT, Connections, Delays, Terminals
from labctl_sim.dwelling import dwell
from labctl_sim.faces import Face, Point, Thevenin
from labctl_sim.faults import Faults
from labctl_sim.fluctuation import Fluctuation
from labctl_sim.lookback import Lookback
from labctl_sim.lowpass import LowPass, cascade
from labctl_sim.noises import Noises
from labctl_sim.physics import Physics
from labctl_sim.recording import Recorder
from labctl_sim.runs import Run
from labctl_sim.timeline import Timeline
from labctl_sim.waveform import Capture, Waveform


class World:
    """What is there when nobody looks at it. ``hot_switches`` counts relay moves made while a source was live."""

    def __init__(
        self,
        array: JunctionArray,
        wiring: Wiring,
        noise: np.random.Generator,
        physics: Physics,
        delays: Delays = PROMPT,
    ) -> None:
        self.array = array
        self.physics = physics
        self.wiring = wiring
        self.noise = noise  # of bursts and what else is not an instrument's
        (self._dwelling,) = noise.spawn(1)  # its own: how often someone looks must not change the bits of a burst
        self._noises = Noises(noise)
        self.hot_switches = 0
        self.faults = Faults(self.now, noise.spawn(1)[0], self._fault_due)
        self.fluctuation = Fluctuation(array.junctions.noise, noise.spawn(1)[0])
        self.connections = Connections(array, wiring, self.faults, delays)
        self._running: dict[str, Run] = {}
        self._time = Timeline(self._passes, self._next_end, self._over)
        self._lookback = Lookback(array, self.connections, self.fluctuation)
        self._capture: Capture | None = None
        self.paced = False  # somebody else lets time pass: the room

    # -- time: labctl.core.clock.Clock

    def now(self) -> float:
        """Seconds since the bench was switched on; for an instrument that acts, by its own time."""
        return self._time.now()

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass: no wall time, but junctions relax, what runs goes on, what is due happens."""
        self._time.sleep(seconds)

    def as_of(self, when: float, role: str | None) -> AbstractContextManager[None]:
        """In here the instrument ``role`` acts, and it is ``when`` for it: the present, or a time that the world has
        run ahead of. Only what it has appointed itself happens in here."""
        return self._time.as_of(when, role)

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Let ``act`` happen when the clock shows ``when``. Whoever changes his mind lets ``act`` find that out."""
        self._time.at(when, act)

    def next_event(self) -> float | None:
        """When the next appointment is due or the next burst over; a waiting reader need not look before that."""
        return self._time.next_event()

    def _next_end(self) -> float:
        return min((run.ends for run in self._running.values()), default=math.inf)

    def _over(self, due: float) -> None:
        for role in [role for role, run in self._running.items() if run.ends <= due]:
            self._play_due(role, self._running.pop(role), over=True)

    def _passes(self, since: float, until: float) -> None:
        """Time passes in which nothing else happens."""
        self._lookback.begins(since)
        for role, run in list(self._running.items()):
            self._play_due(role, run, over=False)
        if self._running.keys().isdisjoint(self.wiring.rows):
            volts = self.point().cell_volts
            changed, mean_z = dwell(self.array, self.physics, volts, until - since, self._dwelling)
            if changed:
                self._disturbed()
            if mean_z is not None:
                self._lookback.changed(mean_z)

    def _play_due(self, role: str, run: Run, *, over: bool) -> None:
        """Play the cycles of ``run`` that are complete by now; all of them when it is ``over``."""
        cycles, begun = run.take(self._time.world, self._capture, over=over)
        if cycles:
            self._burst(role, run, cycles, begun)

    # -- what instruments do

    def show(self, role: str, face: Face | None) -> None:
        """From now on the instrument ``role`` is ``face`` to the circuit; None is an open output."""
        ended = self._end(role)
        if self.connections.show(role, face) or (ended and self.connections.wired(role)):
            self._disturbed()

    def run(self, role: str, waveform: Waveform, ohms: float) -> None:
        """The instrument plays ``waveform`` (volts of its open source) behind ``ohms`` until its face changes."""
        mean = float((waveform.volts * waveform.seconds).sum() / waveform.period_seconds)
        self.show(role, Thevenin(mean, ohms))
        self._running[role] = Run(waveform, ohms, self.now(), math.inf, triggers=True)

    def play(self, role: str, waveform: Waveform, ohms: float, cycles: int, *, triggers: bool = True) -> None:
        """From now on the instrument plays ``cycles`` cycles, each with a trigger at its start (if ``triggers``).

        They happen while the clock runs; a new face ends them early.
        """
        self._end(role)
        self._running[role] = Run(waveform, ohms, self.now(), cycles, triggers)

    def _end(self, role: str) -> bool:
        """What ``role`` plays ends now, if anything; the cycle in which that happens has been played up to here."""
        run = self._running.pop(role, None)
        if run is not None and (part := run.begun(self.now())) is not None:
            self._burst(role, run, 1, part[1], only_seconds=part[0])
        return run is not None

    def playing(self, role: str) -> bool:
        """True while a burst, or a waveform without end, comes out of the instrument."""
        return role in self._running

    @property
    def is_playing(self) -> bool:
        """True while anything is played: junctions may change if time passes."""
        return bool(self._running)

    def waveform(self, role: str) -> Waveform | None:
        """What comes out of the instrument cycle by cycle, volts of its open source; None if nothing does."""
        run = self._running.get(role)
        return None if run is None else run.waveform

    def relays(self, closed: frozenset[Crosspoint], seconds: float) -> None:
        """These relays are closed from now on, all others open; they take ``seconds`` to settle."""
        if closed == self.connections.closed:
            return
        if self.is_live():
            self.hot_switches += 1
        self.connections.closed = closed
        self._disturbed()
        self.sleep(seconds)

    def arm(self, capture: Capture | None) -> None:
        """The digitizer records the next triggers into ``capture``; None disarms it."""
        self._capture = capture

    # -- what instruments see

    def point(self) -> Point:
        """The present operating point (a running waveform counts with its mean)."""
        return self.connections.point()

    def terminals(self, role: str) -> Terminals:
        """What stands at the terminals of ``role``: as the circuit has it, or open if the station wires them to
        nothing.

        Junctions count with their mean conductance in the time that passed last, as their states and their noise made
        it: who looks after an integration time sees what was integrated, a fast telegraph signal as its mean.
        """
        if self.connections.wired(role):
            point = self._lookback.point(self.now())
            return Terminals(point.volts.get(role, 0.0), point.amps.get(role, 0.0), role in point.limited)
        return self.connections.alone(role)

    def noise_of(self, role: str) -> np.random.Generator:
        """The noise of one instrument's readings: what the others read, and how often, does not change it."""
        return self._noises.of(role)

    def put(self, states: NDArray[np.integer] | int) -> None:
        """Put the junctions into ``states``, (N,) or one for all, as a test wants to find them."""
        self.array.states[:] = states
        self._disturbed()

    @property
    def contacts(self) -> frozenset[Crosspoint]:
        """The relays that conduct: those that were told to, but for the ones that are stuck."""
        return self.connections.contacts

    @property
    def closed(self) -> frozenset[Crosspoint]:
        """The relays that the matrix was told to close."""
        return self.connections.closed

    def is_live(self) -> bool:
        """True if any source could drive a line now."""
        return self.connections.live or not self._running.keys().isdisjoint(self.wiring.rows)

    # -- physics

    def _disturbed(self) -> None:
        """Something changed: find the new operating point at once, for a junction breaks in no time."""
        self.connections.changed()
        while self.array.stress(self.point().cell_volts):
            self.connections.changed()

    def _fault_due(self, when: float, notice: Callable[[], None]) -> None:
        """A condition begins at ``when``: the circuit and the instrument notice it then, not at the next message."""

        def begin() -> None:
            notice()
            self._disturbed()

        self._time.for_all(when, begin)

    def _burst(self, role: str, run: Run, cycles: int, begun: float, *, only_seconds: float | None = None) -> None:
        """Play ``cycles`` of them; or only the first seconds of one, which then has no trigger."""
        if not self.connections.wired(role):
            return
        line_seconds = self.connections.line_seconds(role, run.ohms)
        delivered = LowPass(run.waveform, line_seconds).pieces()
        recorder = None
        if only_seconds is not None:
            delivered = delivered.cut(np.array([only_seconds]))[0]
        elif self._capture is not None and run.triggers and self.faults.triggers("digitizer"):
            recorder = Recorder(
                self._capture,
                self.connections.sensed(),
                self.wiring.sense_ohms,
                self.fluctuation,
                self.noise_of("digitizer"),
                cascade(run.waveform, (line_seconds, *self.connections.sense_seconds())),
            )
        burst.play(
            delivered,
            cycles,
            begun,
            self.array,
            self.physics,
            self.connections.response(role, run.ohms),
            recorder,
            self.noise,
            alone=next((name for name in self._running if name in self.wiring.rows), role) == role,
        )
        self._disturbed()
