"""What is connected to what: instruments' faces, the relays between them and the lines, and the point that makes.

Nothing here lets time pass or changes a junction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from labctl.bench.wiring import Wiring
from labctl.core.device import Crosspoint
from labctl_sim.array import JunctionArray
from labctl_sim.circuit import RELAY_OHMS, Circuit
from labctl_sim.faces import CurrentSource, Face, Point, Thevenin, VoltageSource
from labctl_sim.faults import Faults
from labctl_sim.flips import Floats, States

LIVE_VOLTS = 1e-3
LIVE_AMPS = 1e-9
SENSE_INPUT_OHMS = 10.0  # the current amplifier's virtual ground


@dataclass(frozen=True)
class Delays:
    """Of every line with its cable and pads ``line_farads`` to ground; of the current amplifier ``amplifier_hertz``."""

    line_farads: float = 0.0
    amplifier_hertz: float = math.inf


PROMPT = Delays()


@dataclass(frozen=True)
class Terminals:
    """What stands at an instrument's terminals, ``amps`` out of them."""

    volts: float
    amps: float
    limited: bool


class Connections:
    """Faces by role; ``closed`` are the relays that the matrix was told to close."""

    def __init__(self, array: JunctionArray, wiring: Wiring, faults: Faults, delays: Delays = PROMPT) -> None:
        self.closed: frozenset[Crosspoint] = frozenset()
        self._array = array
        self._wiring = wiring
        self._faults = faults
        self._delays = delays
        self._circuit = Circuit(array, wiring)
        self._faces: dict[str, Face] = {}
        self._unwired: dict[str, Face] = {}
        if "digitizer" in wiring.rows:
            self._faces["digitizer"] = Thevenin(0.0, SENSE_INPUT_OHMS)
        self._point: Point | None = None
        self._solved_with: frozenset[Crosspoint] = frozenset()

    def wired(self, role: str) -> bool:
        """True if the station wires the instrument to anything."""
        return role in self._wiring.rows

    def show(self, role: str, face: Face | None) -> bool:
        """From now on the instrument ``role`` is ``face`` (None: an open output); true if the circuit notices."""
        faces = self._faces if self.wired(role) else self._unwired
        changed = faces.get(role) != face
        if face is None:
            faces.pop(role, None)
        else:
            faces[role] = face
        return changed and faces is self._faces

    @property
    def contacts(self) -> frozenset[Crosspoint]:
        """The relays that conduct: those that were told to, but for the ones that are stuck."""
        return self._faults.stuck(self.closed)

    @property
    def live(self) -> bool:
        """True if a face alone could drive a line."""
        for face in self._faces.values():
            level, least = (face.amps, LIVE_AMPS) if isinstance(face, CurrentSource) else (face.volts, LIVE_VOLTS)
            if abs(level) > least:
                return True
        return False

    def point(self) -> Point:
        """The present operating point: the same object until `changed`, or until a relay gets stuck or free."""
        contacts = self.contacts
        if self._point is None or contacts != self._solved_with:
            self._solved_with = contacts
            self._point = self.solved(self._array.states)
        return self._point

    def changed(self) -> None:
        """A face, a relay or a junction has changed: the next `point` is a new one."""
        self._point = None

    def solved(self, states: States | Floats, relative: Floats | float = 0.0) -> Point:
        """The operating point as it would be with these ``states`` and resistances off by a ``relative`` part."""
        return self._circuit.solve(self.contacts, self._at_the_matrix(self._faces), states, relative)

    def response(self, role: str, ohms: float) -> Callable[[float, States], tuple[Floats, float]]:
        """The cells' volts (N,) and the amperes into the digitizer, by ``role``'s volts behind ``ohms`` and states."""
        known: dict[tuple[float, bytes], tuple[Floats, float]] = {}

        def respond(volts: float, states: States) -> tuple[Floats, float]:
            key = volts, states.tobytes() + self._array.broken.tobytes()
            if key not in known:
                faces = self._at_the_matrix({**self._faces, role: Thevenin(volts, ohms)})
                point = self._circuit.solve(self.contacts, faces, states)
                known[key] = point.cell_volts, -point.amps.get("digitizer", 0.0)
            return known[key]

        return respond

    def line_seconds(self, role: str, ohms: float) -> float:
        """The time constant of the lines that ``role`` drives from behind ``ohms``; the array's cells are left out.

        They would make it shorter by the part that the source's resistance has of theirs.
        """
        if role == "pulser":
            ohms = 1 / (1 / ohms + 1 / self._wiring.pulser_termination_ohms)
        return self._charging_seconds(role, ohms)

    def sense_seconds(self) -> tuple[float, float]:
        """The time constants of the sensed lines on the amplifier's input, and of the amplifier."""
        amplifier = 1 / (2 * math.pi * self._delays.amplifier_hertz)
        return self._charging_seconds("digitizer", SENSE_INPUT_OHMS), amplifier

    def _charging_seconds(self, role: str, ohms: float) -> float:
        row = self._wiring.rows.get(role)
        lines = {(each.slot, each.column) for each in self.contacts if each.row == row} & self._wiring.places.keys()
        # All lines of a row charge alike through what they share, and each through its own relay.
        return self._delays.line_farads * (len(lines) * ohms + RELAY_OHMS) if lines else 0.0

    def alone(self, role: str) -> Terminals:
        """What stands at the terminals of an instrument that the station wires to nothing."""
        face = self._unwired.get(role)
        if isinstance(face, CurrentSource) and face.amps:
            return Terminals(math.copysign(face.limit_volts, face.amps), 0.0, limited=True)
        volts = face.volts if isinstance(face, Thevenin | VoltageSource) else 0.0
        return Terminals(volts, 0.0, limited=False)

    def sensed(self) -> Floats:
        """Of each cell (N,), whether its current flows into the digitizer (1), out of it (-1) or elsewhere (0)."""
        way = np.zeros((self._array.rows, self._array.cols))
        row = self._wiring.rows.get("digitizer")
        for point in self.contacts:
            line = self._wiring.places.get((point.slot, point.column))
            if point.row == row and line is not None:
                if line < self._array.rows:
                    way[line] -= 1
                else:
                    way[:, line - self._array.rows] += 1
        return way.ravel()

    def _at_the_matrix(self, faces: Mapping[str, Face]) -> Mapping[str, Face]:
        """The pulser's cable may hold a (matched) attenuator."""
        pulser = faces.get("pulser")
        if isinstance(pulser, Thevenin) and self._wiring.pulser_attenuation_db:
            factor = 10 ** (-self._wiring.pulser_attenuation_db / 20)
            return {**faces, "pulser": replace(pulser, volts=pulser.volts * factor)}
        return faces
