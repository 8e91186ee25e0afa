"""The bench as a circuit: instruments behind relays on the lines of the array, solved for every voltage and current.

In it: the exact network of wires and cells (line segments of 1 ohm, each line driven at its left or bottom end), TMR
that falls with bias, relay paths of 0.5 ohm, sources with their resistance and with real compliance, a shunt at the
pulser's probe, and an insulation of 1 Tohm from everything to ground. Not in it: capacitance, cable delay, bandwidth.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.core.device import Crosspoint
from labctl.crossbar.network import Network
from labctl_sim.array import JunctionArray
from labctl_sim.mtj import Floats, States
from labctl_sim.station import Wiring

SEGMENT_OHMS = 1.0  # of a line, from cell to cell (assumed)
RELAY_OHMS = 0.5  # a closed reed relay with its share of the card's wiring (assumed)
INSULATION_SIEMENS = 1e-12  # of an open line against ground (assumed; it keeps the circuit solvable)
SETTLED_VOLTS = 1e-9
CACHED_STATES = 16


@dataclass(frozen=True)
class Thevenin:
    """An ideal source of ``volts`` behind ``ohms``; 0 V behind a few ohm is a current input."""

    volts: float
    ohms: float


@dataclass(frozen=True)
class VoltageSource:
    """Sources ``volts``, but never more than ``limit_amps`` either way."""

    volts: float
    limit_amps: float


@dataclass(frozen=True)
class CurrentSource:
    """Sources ``amps``, but never more than ``limit_volts`` either way."""

    amps: float
    limit_volts: float


Face = Thevenin | VoltageSource | CurrentSource
Clamp = VoltageSource | CurrentSource


@dataclass(frozen=True)
class Point:
    """An operating point: ``cell_volts`` (N,) word minus bit; per role ``volts``, ``amps`` (out of it), ``limited``."""

    cell_volts: Floats
    volts: Mapping[str, float]
    amps: Mapping[str, float]
    limited: frozenset[str]


class Circuit:
    """The fixed part of the bench; what can change (relays, faces, states) is given to ``solve``."""

    def __init__(self, array: JunctionArray, wiring: Wiring) -> None:
        self._array = array
        self._wiring = wiring
        self._lines = wiring.lines
        self._row_of_role = {role: ord(letter) - ord("A") for role, letter in wiring.rows.items()}
        self._networks: OrderedDict[bytes, tuple[Network, Floats, Floats, Floats]] = OrderedDict()

    def solve(self, closed: frozenset[Crosspoint], faces: Mapping[str, Face], states: States) -> Point:
        """The operating point with these relays ``closed``, these instruments' ``faces`` and the array in ``states``.

        A role without a face is an open circuit.
        """
        limited: dict[str, Face] = {}
        while True:
            point = self._solve(closed, {**faces, **limited}, states)
            over = _beyond_limit({role: face for role, face in faces.items() if role not in limited}, point)
            if not over:
                return Point(point.cell_volts, point.volts, point.amps, frozenset(limited))
            limited.update(over)

    def _solve(self, closed: frozenset[Crosspoint], faces: Mapping[str, Face], states: States) -> Point:
        network, ports, cells, linear = self._network(states)
        lines = ports.shape[0]
        ideal = [role for role, face in faces.items() if isinstance(face, VoltageSource)]
        size = lines + 8 + len(ideal) + 1  # lines, rows A to H, currents of ideal sources and of the ground
        matrix = np.zeros((size, size))
        load = np.zeros(size)
        matrix[:lines, :lines] = ports
        spots = np.arange(lines + 8)
        matrix[spots, spots] += INSULATION_SIEMENS
        for point in closed:
            line = self._lines.get((point.slot, point.column))
            if line is not None:
                _join(matrix, line, lines + point.row - 1, 1 / RELAY_OHMS)
        if "pulser" in self._row_of_role and np.isfinite(self._wiring.pulser_termination_ohms):
            row = lines + self._row_of_role["pulser"]
            matrix[row, row] += 1 / self._wiring.pulser_termination_ohms
        for role, face in faces.items():
            row = lines + self._row_of_role[role]
            if isinstance(face, Thevenin):
                matrix[row, row] += 1 / face.ohms
                load[row] += face.volts / face.ohms
            elif isinstance(face, CurrentSource):
                load[row] += face.amps
            else:
                _hold(matrix, load, row, lines + 8 + ideal.index(role), face.volts)
        if "ground" in self._row_of_role:
            _hold(matrix, load, lines + self._row_of_role["ground"], size - 1, 0.0)
        else:
            matrix[size - 1, size - 1] = 1.0

        inverse = np.linalg.inv(matrix)
        extra = np.zeros(states.size)
        volts = np.zeros(states.size)
        for _ in range(50):  # a fixed point on the zero-bias factor; three to six rounds are usual
            rhs = load.copy()
            rhs[:lines] -= cells.T @ extra
            unknown = inverse @ rhs
            before, volts = volts, cells @ unknown[:lines] + network.inject(extra).ravel()
            if np.abs(volts - before).max() < SETTLED_VOLTS:
                break
            extra = (self._array.conductance(states, volts) - linear) * volts
        return self._point(faces, ideal, unknown, lines, volts)

    def _point(
        self, faces: Mapping[str, Face], ideal: list[str], unknown: Floats, lines: int, cell_volts: Floats
    ) -> Point:
        volts = {role: float(unknown[lines + self._row_of_role[role]]) for role in faces}
        amps = {}
        for role, face in faces.items():
            if isinstance(face, Thevenin):
                amps[role] = (face.volts - volts[role]) / face.ohms
            elif isinstance(face, CurrentSource):
                amps[role] = face.amps
            else:
                amps[role] = float(unknown[lines + 8 + ideal.index(role)])
        return Point(cell_volts, volts, amps, frozenset())

    def _network(self, states: States) -> tuple[Network, Floats, Floats, Floats]:
        """The array at zero bias, its port admittance (lines, lines), cell transfer (N, lines) and conductances."""
        key = states.tobytes() + self._array.broken.tobytes()
        if key in self._networks:
            self._networks.move_to_end(key)
            return self._networks[key]
        linear = self._array.conductance(states, np.zeros(states.size))
        rows, cols = self._array.rows, self._array.cols
        network = Network(
            linear.reshape(rows, cols),
            word_segment_ohms=SEGMENT_OHMS,
            bit_segment_ohms=SEGMENT_OHMS,
            left_ohms=0.0,
            bottom_ohms=0.0,
        )
        used: NDArray[np.intp] = np.r_[0:rows, 2 * rows + cols : 2 * rows + 2 * cols]
        entry = (network, network.admittance[np.ix_(used, used)], network.cell_transfer[:, used], linear)
        self._networks[key] = entry
        if len(self._networks) > CACHED_STATES:
            self._networks.popitem(last=False)
        return entry


def _join(matrix: Floats, a: int, b: int, siemens: float) -> None:
    matrix[a, a] += siemens
    matrix[b, b] += siemens
    matrix[a, b] -= siemens
    matrix[b, a] -= siemens


def _hold(matrix: Floats, load: Floats, node: int, current: int, volts: float) -> None:
    """An ideal source of ``volts`` from ground to ``node``; the unknown ``current`` flows out of it into the node."""
    matrix[node, current] = -1.0
    matrix[current, node] = 1.0
    load[current] = volts


def _beyond_limit(faces: Mapping[str, Face], point: Point) -> dict[str, Face]:
    """For every source beyond its limit, the source that it becomes there."""
    clamps: dict[str, Face] = {}
    for role, face in faces.items():
        if isinstance(face, VoltageSource) and abs(point.amps[role]) > face.limit_amps * (1 + 1e-9):
            clamps[role] = CurrentSource(float(np.copysign(face.limit_amps, point.amps[role])), np.inf)
        elif isinstance(face, CurrentSource) and abs(point.volts[role]) > face.limit_volts * (1 + 1e-9):
            clamps[role] = VoltageSource(float(np.copysign(face.limit_volts, point.volts[role])), np.inf)
    return clamps
