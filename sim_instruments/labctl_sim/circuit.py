"""The bench as a circuit: instruments behind relays on the lines of the array, solved for every voltage and current.

In it: the exact network of wires and cells (line segments of 1 ohm, each line driven at its left or bottom end), TMR
that falls with bias, relay paths of 0.5 ohm, sources with their resistance and with real compliance, a shunt at the
pulser's probe, and an insulation of 1 Tohm from everything to ground. Capacitance and bandwidth: `lowpass`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from labctl.bench.wiring import Wiring
from labctl.core.device import Crosspoint
from labctl.core.errors import LabError
from labctl.crossbar.network import Network
from labctl_sim.array import JunctionArray
from labctl_sim.faces import CurrentSource, Face, Point, Thevenin, VoltageSource, by_limit, clamped, level, misplaced
from labctl_sim.flips import Floats, States

SEGMENT_OHMS = 1.0  # of a line, from cell to cell (assumed)
RELAY_OHMS = 0.5  # a closed reed relay with its share of the card's wiring (assumed)
INSULATION_SIEMENS = 1e-12  # of an open line against ground (assumed; it keeps the circuit solvable)
SETTLED = 1e-9  # volts, or of the largest cell's volts where these are more than one
ROUNDED = 1e-15  # of the largest volts anywhere
ROUNDS = 1000
RUNAWAY_VOLTS = 1e30  # a current source that nothing loads, before its compliance is heeded, gets to 1e12
SHORTEST_STEP = 1 / 256  # enough for a TMR of 200
CACHED_STATES = 16
WRITTEN_AT_MOST = 4  # cells of a known network: more of them cost as much as a new one


class CircuitUnsettled(LabError):
    """No operating point was found; the simulator, not the bench, is at fault."""


class Circuit:
    """The fixed part of the bench; what can change (relays, faces, states) is given to ``solve``."""

    def __init__(self, array: JunctionArray, wiring: Wiring) -> None:
        self._array = array
        self._wiring = wiring
        self._lines = wiring.places
        self._row_of_role = {role: row - 1 for role, row in wiring.rows.items()}
        self._networks: OrderedDict[bytes, tuple[Network, Floats, Floats, Floats]] = OrderedDict()

    def solve(
        self,
        closed: frozenset[Crosspoint],
        faces: Mapping[str, Face],
        states: States | Floats,
        relative: Floats | float = 0.0,
    ) -> Point:
        """The operating point with these relays ``closed``, these instruments' ``faces`` and the array in ``states``.

        A role without a face is an open circuit. Each cell's resistance may be off by a ``relative`` (N,) part.
        """
        clamps: dict[str, Face] = {}
        tried: set[frozenset[tuple[str, float]]] = set()
        # One source changes sides at a time, and always the first in this order that is on the wrong one. For sources
        # on resistors that ends at the one solution there is; clamping all at once invents volts that nobody sources.
        order = sorted((role for role, face in faces.items() if not isinstance(face, Thevenin)), key=by_limit(faces))
        while True:
            point = self._solve(closed, {**faces, **clamps}, states, relative)
            sides = frozenset((role, level(face)) for role, face in clamps.items())
            wrong = next((role for role in order if misplaced(faces[role], clamps.get(role), role, point)), None)
            if wrong is None or sides in tried:  # tried before: the two differ by rounding
                return Point(point.cell_volts, point.volts, point.amps, frozenset(clamps))
            tried.add(sides)
            if wrong in clamps:
                del clamps[wrong]
            else:
                clamps[wrong] = clamped(faces[wrong], wrong, point)

    def _solve(
        self,
        closed: frozenset[Crosspoint],
        faces: Mapping[str, Face],
        states: States | Floats,
        relative: Floats | float,
    ) -> Point:
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

        def linearly(extra: Floats) -> tuple[Floats, Floats]:
            rhs = load.copy()
            rhs[:lines] -= cells.T @ extra
            unknown = inverse @ rhs
            return unknown, cells @ unknown[:lines] + network.inject(extra).ravel()

        def beyond(volts: Floats) -> Floats:
            return (self._array.conductance(states, volts) / (1 + relative) - linear) * volts

        inverse = np.linalg.inv(matrix)
        unknown, volts = self._settled(linearly, beyond, states.size)
        return self._point(faces, ideal, unknown, lines, volts)

    def _settled(
        self, linearly: Callable[[Floats], tuple[Floats, Floats]], beyond: Callable[[Floats], Floats], cells: int
    ) -> tuple[Floats, Floats]:
        """The unknowns and the cells' volts at which each cell draws what it draws at these volts.

        ``linearly`` gives both for the amperes that cells draw ``beyond`` a linear conductance at their volts. Raises
        CircuitUnsettled.
        """
        extra, volts = np.zeros(cells), np.zeros(cells)
        change, step = np.inf, 1.0
        for _ in range(ROUNDS):  # a fixed point on the zero-bias factor; three to six rounds are usual
            last, before = change, volts
            unknown, volts = linearly(extra)
            change, largest = float(np.abs(volts - before).max()), float(np.abs(volts).max())
            # An open line on a current source gets to 1e9 V before its compliance is heeded: then rounding is seen.
            if change < max(SETTLED * step * max(1.0, largest), ROUNDED * float(np.abs(unknown).max())):
                return unknown, volts
            if largest > RUNAWAY_VOLTS:
                break
            if change > 0.98 * last and step > SHORTEST_STEP:
                step /= 2  # cells on a current source are overshot: the more TMR, the shorter must the steps be
            extra = extra + step * (beyond(volts) - extra)
        raise CircuitUnsettled(
            f"the volts across the cells did not settle in {ROUNDS} rounds; the last one moved them by {change:.2g} V. "
            "The conductance of a junction must not jump, nor fall with bias: look at the junction profile"
        )

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

    def _network(self, states: States | Floats) -> tuple[Network, Floats, Floats, Floats]:
        """The array at zero bias, its port admittance (lines, lines), cell transfer (N, lines) and conductances."""
        linear = self._array.conductance(states, np.zeros(states.size))
        key = linear.tobytes()
        if key in self._networks:
            self._networks.move_to_end(key)
            return self._networks[key]
        rows, cols = self._array.rows, self._array.cols
        network = self._near(linear)
        used: NDArray[np.intp] = np.r_[0:rows, 2 * rows + cols : 2 * rows + 2 * cols]
        entry = (network, network.admittance[np.ix_(used, used)], network.cell_transfer[:, used], linear)
        self._networks[key] = entry
        if len(self._networks) > CACHED_STATES:
            self._networks.popitem(last=False)
        return entry

    def _near(self, linear: Floats) -> Network:
        """The network of the conductances ``linear`` (N,): the latest one with a few cells written, or a new one."""
        rows, cols = self._array.rows, self._array.cols
        for near, _, _, known in reversed(self._networks.values()):
            differing = np.flatnonzero(known != linear)
            if differing.size <= WRITTEN_AT_MOST:
                network = near
                for cell in differing.tolist():
                    network = network.written(cell // cols, cell % cols, float(linear[cell]))
                return network
        return Network(
            linear.reshape(rows, cols),
            word_segment_ohms=SEGMENT_OHMS,
            bit_segment_ohms=SEGMENT_OHMS,
            left_ohms=0.0,
            bottom_ohms=0.0,
        )


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
