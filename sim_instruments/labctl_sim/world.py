"""The one world that all simulated instruments share: an array, its wiring, one virtual clock, one noise generator.

Front panels change it through a few verbs: ``show`` a source's face to the circuit, ``relays``, ``play`` a burst,
``run`` a waveform for ever, ``arm`` a digitizer, and ``at`` a later time do something. They read it through ``point``,
the present operating point. Time passes only when someone lets it pass by ``sleep``: then bursts play, and what was
appointed happens, in the order of time. It is the bench's Clock.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labctl.core.device import Crosspoint
from labctl_sim import burst
from labctl_sim.array import JunctionArray
from labctl_sim.circuit import Circuit, CurrentSource, Face, Point, Thevenin
from labctl_sim.faults import Faults
from labctl_sim.mtj import Floats, States
from labctl_sim.station import Wiring
from labctl_sim.waveform import Capture, Waveform

LIVE_VOLTS = 1e-3
LIVE_AMPS = 1e-9
SENSE_INPUT_OHMS = 10.0  # the current amplifier's virtual ground


@dataclass
class _Run:
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


class World:
    """What is there when nobody looks at it. ``hot_switches`` counts relay moves made while a source was live."""

    def __init__(self, array: JunctionArray, wiring: Wiring, noise: np.random.Generator) -> None:
        self.array = array
        self.wiring = wiring
        self.noise = noise
        self.hot_switches = 0
        self.closed: frozenset[Crosspoint] = frozenset()  # what the matrix was told
        self.contacts: frozenset[Crosspoint] = frozenset()  # what is closed: a relay may be stuck
        self.faults = Faults(self.now, noise.spawn(1)[0])
        self._circuit = Circuit(array, wiring)
        self._faces: dict[str, Face] = {}
        if "digitizer" in wiring.rows:
            self._faces["digitizer"] = Thevenin(0.0, SENSE_INPUT_OHMS)
        self._running: dict[str, _Run] = {}
        self._appointments: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._capture: Capture | None = None
        self._now = 0.0
        self._point: Point | None = None

    # -- time: labctl.core.clock.Clock

    def now(self) -> float:
        """Seconds since the bench was switched on."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass: no wall time, but junctions relax, what runs goes on, what is due happens."""
        end = self._now + max(float(seconds), 0.0)
        while (due := self.next_event()) is not None and due <= end:
            self._pass(max(due - self._now, 0.0))
            for role in [role for role, run in self._running.items() if run.ends <= due]:
                self._play_due(role, self._running.pop(role), over=True)
            while self._appointments and self._appointments[0][0] <= due:
                heapq.heappop(self._appointments)[2]()
        self._pass(max(end - self._now, 0.0))

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Let ``act`` happen when the clock shows ``when``. Whoever changes his mind lets ``act`` find that out."""
        heapq.heappush(self._appointments, (when, next(self._numbers), act))

    def next_event(self) -> float | None:
        """When the next appointment is due or the next burst over; a waiting reader need not look before that."""
        times = [run.ends for run in self._running.values() if math.isfinite(run.ends)]
        if self._appointments:
            times.append(self._appointments[0][0])
        return min(times, default=None)

    def _pass(self, seconds: float) -> None:
        """Let time pass in which nothing else happens."""
        self._now += seconds
        for role, run in list(self._running.items()):
            self._play_due(role, run, over=False)
        if not self._running and seconds:
            self._dwell(self.point().cell_volts, seconds)

    def _play_due(self, role: str, run: _Run, *, over: bool) -> None:
        """Play the cycles of ``run`` that are complete by now; all of them when it is ``over``."""
        period = run.waveform.period_seconds
        due = run.cycles if over else min(run.cycles, int((self._now - run.since) / period + 1e-9))
        record = self._capture
        finite = due > 0 and math.isfinite(run.cycles)
        if finite and record is not None and not record.complete and record.sample_seconds[-1] > period:
            due = run.cycles  # a record that spans cycles is taken in one piece
        if due > run.played:
            cycles, run.played = int(due) - run.played, int(due)
            self._burst(role, run, cycles)

    # -- what instruments do

    def show(self, role: str, face: Face | None) -> None:
        """From now on the instrument ``role`` is ``face`` to the circuit; None is an open output."""
        running = self._running.pop(role, None)
        if role not in self.wiring.rows or (running is None and self._faces.get(role) == face):
            return
        if face is None:
            self._faces.pop(role, None)
        else:
            self._faces[role] = face
        self._disturbed()

    def run(self, role: str, waveform: Waveform, ohms: float) -> None:
        """The instrument plays ``waveform`` (volts of its open source) behind ``ohms`` until its face changes."""
        mean = float((waveform.volts * waveform.seconds).sum() / waveform.period_seconds)
        self.show(role, Thevenin(mean, ohms))
        self._running[role] = _Run(waveform, ohms, self._now, math.inf, triggers=True)

    def play(self, role: str, waveform: Waveform, ohms: float, cycles: int, *, triggers: bool = True) -> None:
        """From now on the instrument plays ``cycles`` cycles, each with a trigger at its start (if ``triggers``).

        They happen while the clock runs; a new face ends them early.
        """
        self._running[role] = _Run(waveform, ohms, self._now, cycles, triggers)

    def playing(self, role: str) -> bool:
        """True while a burst, or a waveform without end, comes out of the instrument."""
        return role in self._running

    def relays(self, closed: frozenset[Crosspoint], seconds: float) -> None:
        """These relays are closed from now on, all others open; they take ``seconds`` to settle."""
        if closed == self.closed:
            return
        if self.is_live():
            self.hot_switches += 1
        self.closed = closed
        self.contacts = self.faults.stuck(closed)
        self._disturbed()
        self.sleep(seconds)

    def arm(self, capture: Capture | None) -> None:
        """The digitizer records the next triggers into ``capture``; None disarms it."""
        self._capture = capture

    # -- what instruments see

    def point(self) -> Point:
        """The present operating point (a running waveform counts with its mean)."""
        if self._point is None:
            self._point = self._circuit.solve(self.contacts, self._attenuated(self._faces), self.array.states)
        return self._point

    def is_live(self) -> bool:
        """True if any source could drive a line now."""
        for face in self._faces.values():
            level, least = (face.amps, LIVE_AMPS) if isinstance(face, CurrentSource) else (face.volts, LIVE_VOLTS)
            if abs(level) > least:
                return True
        return bool(self._running)

    # -- physics

    def _disturbed(self) -> None:
        """Something changed: find the new operating point at once, for a junction breaks in no time."""
        self._point = None
        while self.array.stress(self.point().cell_volts):
            self._point = None

    def _dwell(self, cell_volts: Floats, seconds: float) -> None:
        if self.array.apply(self.array.junctions.hold(cell_volts, seconds), self.noise):
            self._disturbed()

    def _burst(self, role: str, run: _Run, cycles: int) -> None:
        if role not in self.wiring.rows:
            return

        def response(volts: float, states: States) -> tuple[Floats, float]:
            faces = self._attenuated({**self._faces, role: Thevenin(volts, run.ohms)})
            point = self._circuit.solve(self.contacts, faces, states)
            return point.cell_volts, -point.amps.get("digitizer", 0.0)

        burst.play(
            run.waveform,
            cycles,
            self.array,
            self._sensed(),
            response,
            self._capture if run.triggers and self.faults.triggers("digitizer") else None,
            self.wiring.digitizer_transimpedance_ohms,
            self.noise,
        )
        self._disturbed()

    def _sensed(self) -> NDArray[np.bool_]:
        """Which cells lie on a line that is connected to the digitizer's row."""
        mask = np.zeros((self.array.rows, self.array.cols), np.bool_)
        row = ord(self.wiring.rows.get("digitizer", "@")) - ord("@")
        for point in self.contacts:
            line = self.wiring.lines.get((point.slot, point.column))
            if point.row == row and line is not None:
                if line < self.array.rows:
                    mask[line] = True
                else:
                    mask[:, line - self.array.rows] = True
        return mask.ravel()

    def _attenuated(self, faces: dict[str, Face]) -> dict[str, Face]:
        """Faces as they are at the matrix: the pulser's cable may hold a (matched) attenuator."""
        pulser = faces.get("pulser")
        if isinstance(pulser, Thevenin) and self.wiring.pulser_attenuation_db:
            factor = 10 ** (-self.wiring.pulser_attenuation_db / 20)
            return {**faces, "pulser": replace(pulser, volts=pulser.volts * factor)}
        return faces
