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
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from labctl.bench.wiring import Wiring
from labctl.core.device import Crosspoint
from labctl_sim import burst
from labctl_sim.appointments import Appointments
from labctl_sim.array import JunctionArray
from labctl_sim.circuit import Circuit
from labctl_sim.faces import CurrentSource, Face, Point, Thevenin, VoltageSource
from labctl_sim.faults import Faults
from labctl_sim.flips import Flips, Floats, States, relaxed
from labctl_sim.fluctuation import Fluctuation
from labctl_sim.physics import Physics
from labctl_sim.readnoise import occupation
from labctl_sim.recording import Recorder
from labctl_sim.waveform import Capture, Waveform

LIVE_VOLTS = 1e-3
LIVE_AMPS = 1e-9
UNSEEN_VOLTS = 1e-9  # across a cell: less shows nothing of it
RESTLESS = 1e-3  # changes expected in a time: from here on it is asked when they happened
NOISE_OF_ROLES = 1  # in the spawn key; 0 and so on are what ``spawn`` gives away
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


@dataclass(frozen=True)
class Terminals:
    """What stands at an instrument's terminals, ``amps`` out of them."""

    volts: float
    amps: float
    limited: bool


class World:
    """What is there when nobody looks at it. ``hot_switches`` counts relay moves made while a source was live."""

    def __init__(self, array: JunctionArray, wiring: Wiring, noise: np.random.Generator, physics: Physics) -> None:
        self.array = array
        self.physics = physics
        self.wiring = wiring
        self.noise = noise  # of bursts and what else is not an instrument's
        (self._dwelling,) = noise.spawn(1)  # its own: how often someone looks must not change the bits of a burst
        self._noises: dict[str, np.random.Generator] = {}
        self.hot_switches = 0
        self.closed: frozenset[Crosspoint] = frozenset()  # what the matrix was told
        self.faults = Faults(self.now, noise.spawn(1)[0], self._fault_due)
        self.fluctuation = Fluctuation(array.junctions.noise, noise.spawn(1)[0])
        self._circuit = Circuit(array, wiring)
        self._faces: dict[str, Face] = {}
        self._unwired: dict[str, Face] = {}
        if "digitizer" in wiring.rows:
            self._faces["digitizer"] = Thevenin(0.0, SENSE_INPUT_OHMS)
        self._running: dict[str, _Run] = {}
        self._appointments = Appointments()
        self._capture: Capture | None = None
        self._now = 0.0
        self.paced = False  # somebody else lets time pass: the room
        self._own_time: float | None = None  # of the instrument that acts, where it is not the world's
        self._acting: str | None = None
        self._point: Point | None = None
        self._mean_z: Floats | None = None  # over the time that passed last, if junctions changed their states in it
        self._passed_from = 0.0  # when that began
        self._read: tuple[Point, float, float, Point] | None = None  # the point, the time, and what was read of it
        self._solved_with: frozenset[Crosspoint] = frozenset()

    # -- time: labctl.core.clock.Clock

    def now(self) -> float:
        """Seconds since the bench was switched on; for an instrument that acts, by its own time."""
        return self._now if self._own_time is None else self._own_time

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass: no wall time, but junctions relax, what runs goes on, what is due happens."""
        end = self.now() + max(float(seconds), 0.0)
        while (due := self.next_event()) is not None and due <= end:
            self._reach(due)
            for role in [role for role, run in self._running.items() if run.ends <= due]:
                self._play_due(role, self._running.pop(role), over=True)
            while (appointment := self._appointments.first(self._acting)) is not None and appointment.when <= due:
                self._appointments.forget(appointment)
                if appointment.role is None:
                    appointment.act()
                else:
                    with self.as_of(appointment.when, appointment.role):
                        appointment.act()
        self._reach(end)

    @contextmanager
    def as_of(self, when: float, role: str | None) -> Iterator[None]:
        """In here the instrument ``role`` acts, and it is ``when`` for it: the present, or a time that the world has
        run ahead of. Only what it has appointed itself happens in here."""
        before = self._own_time, self._acting
        self._own_time, self._acting = min(when, self._now), role
        try:
            yield
        finally:
            self._own_time, self._acting = before

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Let ``act`` happen when the clock shows ``when``. Whoever changes his mind lets ``act`` find that out."""
        self._appointments.make(when, act, self._acting)

    def next_event(self) -> float | None:
        """When the next appointment is due or the next burst over; a waiting reader need not look before that."""
        times = [run.ends for run in self._running.values() if math.isfinite(run.ends)]
        if (appointment := self._appointments.first(self._acting)) is not None:
            times.append(appointment.when)
        return min(times, default=None)

    def _reach(self, when: float) -> None:
        if when > self._now:
            self._pass(when)
        if self._own_time is not None:
            self._own_time = min(max(self._own_time, when), self._now)

    def _pass(self, until: float) -> None:
        """Let time pass in which nothing else happens."""
        self._passed_from, self._now = self._now, until
        seconds = until - self._passed_from
        self._mean_z = None
        for role, run in list(self._running.items()):
            self._play_due(role, run, over=False)
        if seconds and self._running.keys().isdisjoint(self.wiring.rows):
            self._dwell(self.point().cell_volts, seconds)

    def _play_due(self, role: str, run: _Run, *, over: bool) -> None:
        """Play the cycles of ``run`` that are complete by now; all of them when it is ``over``."""
        period = run.waveform.period_seconds
        due = run.cycles if over else min(run.cycles, int((self._now - run.since) / period + 1e-9))
        record = self._capture
        finite = due > 0 and math.isfinite(run.cycles)
        if finite and record is not None and not record.complete and record.sample_seconds[-1] > period:
            due = run.cycles  # a record that spans cycles is taken in one piece
        elif (
            math.isinf(run.cycles)
            and record is not None
            and not record.complete
            and due - run.played <= record.sample_seconds[-1] / period
        ):
            return  # not yet as many cycles as one record spans
        if due > run.played:
            first, run.played = run.played, int(due)
            self._burst(role, run, run.played - first, run.since + first * period)

    # -- what instruments do

    def show(self, role: str, face: Face | None) -> None:
        """From now on the instrument ``role`` is ``face`` to the circuit; None is an open output."""
        running = self._end(role)
        faces = self._faces if role in self.wiring.rows else self._unwired
        if running is None and faces.get(role) == face:
            return
        if face is None:
            faces.pop(role, None)
        else:
            faces[role] = face
        if faces is self._unwired:
            return
        self._disturbed()

    def run(self, role: str, waveform: Waveform, ohms: float) -> None:
        """The instrument plays ``waveform`` (volts of its open source) behind ``ohms`` until its face changes."""
        mean = float((waveform.volts * waveform.seconds).sum() / waveform.period_seconds)
        self.show(role, Thevenin(mean, ohms))
        self._running[role] = _Run(waveform, ohms, self.now(), math.inf, triggers=True)

    def play(self, role: str, waveform: Waveform, ohms: float, cycles: int, *, triggers: bool = True) -> None:
        """From now on the instrument plays ``cycles`` cycles, each with a trigger at its start (if ``triggers``).

        They happen while the clock runs; a new face ends them early.
        """
        self._end(role)
        self._running[role] = _Run(waveform, ohms, self.now(), cycles, triggers)

    def _end(self, role: str) -> _Run | None:
        """What ``role`` plays ends now; the cycle in which that happens has been played up to here."""
        run = self._running.pop(role, None)
        if run is not None:
            begun = run.since + run.played * run.waveform.period_seconds
            if (done := self.now() - begun) > 0:
                part = run.waveform.cut(np.array([min(done, run.waveform.period_seconds)]))[0]
                self._burst(role, replace(run, waveform=part, triggers=False), 1, begun)
        return run

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
        if closed == self.closed:
            return
        if self.is_live():
            self.hot_switches += 1
        self.closed = closed
        self._disturbed()
        self.sleep(seconds)

    def arm(self, capture: Capture | None) -> None:
        """The digitizer records the next triggers into ``capture``; None disarms it."""
        self._capture = capture

    # -- what instruments see

    def point(self) -> Point:
        """The present operating point (a running waveform counts with its mean)."""
        contacts = self.contacts
        if self._point is None or contacts != self._solved_with:  # a relay may have got stuck meanwhile
            self._solved_with = contacts
            self._point = self._mean_z = None
        if self._point is None:
            self._point = self._circuit.solve(self.contacts, self._attenuated(self._faces), self.array.states)
        return self._point

    def _integrated(self) -> Point:
        """The operating point as seen over the time that passed last, resistance noise included."""
        point, end = self.point(), self.now()
        begin = min(self._passed_from, end)
        if self._mean_z is None and (self.fluctuation.quiet or np.abs(point.cell_volts).max() < UNSEEN_VOLTS):
            return point
        if self._read is None or self._read[0] is not point or self._read[1:3] != (begin, end):
            states = self.array.states if self._mean_z is None else self._mean_z
            relative = self.fluctuation.between(begin, end)
            seen = self._circuit.solve(self.contacts, self._attenuated(self._faces), states, relative)
            self._read = point, begin, end, seen
        return self._read[3]

    def terminals(self, role: str) -> Terminals:
        """What stands at the terminals of ``role``: as the circuit has it, or open if the station wires them to
        nothing.

        Junctions count with their mean conductance in the time that passed last, as their states and their noise made
        it: who looks after an integration time sees what was integrated, a fast telegraph signal as its mean.
        """
        if role in self.wiring.rows:
            point = self._integrated()
            return Terminals(point.volts.get(role, 0.0), point.amps.get(role, 0.0), role in point.limited)
        face = self._unwired.get(role)
        if isinstance(face, CurrentSource) and face.amps:
            return Terminals(math.copysign(face.limit_volts, face.amps), 0.0, limited=True)
        volts = face.volts if isinstance(face, Thevenin | VoltageSource) else 0.0
        return Terminals(volts, 0.0, limited=False)

    def noise_of(self, role: str) -> np.random.Generator:
        """The noise of one instrument's readings: what the others read, and how often, does not change it."""
        if role not in self._noises:
            bits = self.noise.bit_generator
            seed = cast(np.random.SeedSequence, bits.seed_seq)  # what else, ``spawn`` would not have taken
            key = (*seed.spawn_key, NOISE_OF_ROLES, zlib.crc32(role.encode()))
            child = np.random.SeedSequence(seed.entropy, spawn_key=key)
            self._noises[role] = np.random.Generator(type(bits)(child))
        return self._noises[role]

    def put(self, states: NDArray[np.integer] | int) -> None:
        """Put the junctions into ``states``, (N,) or one for all, as a test wants to find them."""
        self.array.states[:] = states
        self._disturbed()

    @property
    def contacts(self) -> frozenset[Crosspoint]:
        """The relays that conduct: those that were told to, but for the ones that are stuck."""
        return self.faults.stuck(self.closed)

    def is_live(self) -> bool:
        """True if any source could drive a line now."""
        for face in self._faces.values():
            level, least = (face.amps, LIVE_AMPS) if isinstance(face, CurrentSource) else (face.volts, LIVE_VOLTS)
            if abs(level) > least:
                return True
        return not self._running.keys().isdisjoint(self.wiring.rows)

    # -- physics

    def _disturbed(self) -> None:
        """Something changed: find the new operating point at once, for a junction breaks in no time."""
        self._point = self._mean_z = None
        while self.array.stress(self.point().cell_volts):
            self._point = None

    def _dwell(self, cell_volts: Floats, seconds: float) -> None:
        """``seconds`` at one operating point: barriers wear, and every junction is a telegraph signal in continuous
        time, whose rates are those at the volts that it had as they began."""
        worn = self.array.stress(cell_volts, seconds)
        up, down = self.physics.rates(self.array.junctions, cell_volts)
        before = self.array.states.copy()
        mean_z: Floats = 1.0 - 2.0 * before.astype(np.float64)
        restless = np.flatnonzero(self.array.movable & (np.maximum(up, down) * seconds > RESTLESS))
        calm = Flips(*relaxed(up, down, seconds))
        after = calm.draw(before, self._dwelling)
        if restless.size:
            share, last = occupation(before[restless] == 1, up[restless], down[restless], seconds, self._dwelling)
            mean_z[restless], after[restless] = 1 - 2 * share, last
        if self.array.put(after) or worn:
            self._disturbed()
        if restless.size:
            self._mean_z = mean_z

    def _fault_due(self, when: float, notice: Callable[[], None]) -> None:
        """A condition begins at ``when``: the circuit and the instrument notice it then, not at the next message."""

        def begin() -> None:
            notice()
            self._disturbed()

        if when > self.now():
            self._appointments.make(when, begin, None)
        else:
            begin()

    def _burst(self, role: str, run: _Run, cycles: int, begun: float) -> None:
        if role not in self.wiring.rows:
            return

        solved: dict[tuple[float, bytes], tuple[Floats, float]] = {}

        def response(volts: float, states: States) -> tuple[Floats, float]:
            key = volts, states.tobytes() + self.array.broken.tobytes()
            if key not in solved:
                faces = self._attenuated({**self._faces, role: Thevenin(volts, run.ohms)})
                point = self._circuit.solve(self.contacts, faces, states)
                solved[key] = point.cell_volts, -point.amps.get("digitizer", 0.0)
            return solved[key]

        recorder = None
        if self._capture is not None and run.triggers and self.faults.triggers("digitizer"):
            recorder = Recorder(
                self._capture, self._sensed(), self.wiring.sense_ohms, self.fluctuation, self.noise_of("digitizer")
            )
        burst.play(
            run.waveform,
            cycles,
            begun,
            self.array,
            self.physics,
            response,
            recorder,
            self.noise,
            alone=next((name for name in self._running if name in self.wiring.rows), role) == role,
        )
        self._disturbed()

    def _sensed(self) -> Floats:
        """Of each cell (N,), whether its current flows into the digitizer (1), out of it (-1) or elsewhere (0)."""
        way = np.zeros((self.array.rows, self.array.cols))
        row = self.wiring.rows.get("digitizer")
        for point in self.contacts:
            line = self.wiring.places.get((point.slot, point.column))
            if point.row == row and line is not None:
                if line < self.array.rows:
                    way[line] -= 1
                else:
                    way[:, line - self.array.rows] += 1
        return way.ravel()

    def _attenuated(self, faces: dict[str, Face]) -> dict[str, Face]:
        """Faces as they are at the matrix: the pulser's cable may hold a (matched) attenuator."""
        pulser = faces.get("pulser")
        if isinstance(pulser, Thevenin) and self.wiring.pulser_attenuation_db:
            factor = 10 ** (-self.wiring.pulser_attenuation_db / 20)
            return {**faces, "pulser": replace(pulser, volts=pulser.volts * factor)}
        return faces
