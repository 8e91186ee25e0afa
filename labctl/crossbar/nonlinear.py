"""An array of nonlinear cells, solved to a stated tolerance: a fixed point on one linear network, or else Newton."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import MeasurementError, ParameterError
from labctl.crossbar import checks, sides
from labctl.crossbar.cells import CellLaw
from labctl.crossbar.network import Network
from labctl.crossbar.reduction import Floats
from labctl.crossbar.sides import Volts
from labctl.crossbar.solution import Solution

BLOCK_CELLS = 2**16  # vectors go together up to here: more leave the cache, fewer repeat Python's share
FIXED_ROUNDS = 40
SLOWEST = 0.5  # a fixed point that gains less than this per round costs more than Newton
NEWTON_ROUNDS = 100
SEARCH_ROUNDS = 40


@dataclass(frozen=True)
class NonlinearSolution:
    """``solution`` with the cells' ``cell_amps`` (P, m, n); ``newton``: bool (P,), which vectors needed Newton.

    ``rounds``: of the fixed point; ``residual_amps``: the largest difference between what a cell's law says and what
    the wires bring it.
    """

    solution: Solution
    cell_amps: Floats
    rounds: int
    newton: NDArray[np.bool_]
    residual_amps: float


def solve(
    network: Network,
    law: CellLaw,
    *,
    tolerance: float = 1e-11,
    **volts: Unpack[Volts],
) -> NonlinearSolution:
    """Solve ``network``'s wires and ends with cells that obey ``law``; volts as for ``Network.solve``.

    The network's own conductances are only where the iteration starts, best at zero bias. Done when the wires bring
    every cell the current of its law to within ``tolerance`` times the largest cell's current. (Volts would be no
    measure: those of a floating line behind selectors that are off are known to fewer digits than its currents.)
    """
    if not 0 < tolerance < 1:
        raise ParameterError(f"the tolerance is {tolerance}; it is a share of the largest cell current, such as 1e-11")
    sources = checks.vectors(network.rows, network.cols, **volts)
    block = max(1, BLOCK_CELLS // network.conductance_siemens.size)
    found = [_block(network, law, sources[first : first + block], tolerance) for first in range(0, len(sources), block)]
    if len(found) == 1:
        return found[0]
    solutions = [vars(part.solution) for part in found]
    return NonlinearSolution(
        Solution(**{name: np.concatenate([solution[name] for solution in solutions]) for name in solutions[0]}),
        np.concatenate([part.cell_amps for part in found]),
        max(part.rounds for part in found),
        np.concatenate([part.newton for part in found]),
        max(part.residual_amps for part in found),
    )


def _block(network: Network, law: CellLaw, sources: Floats, tolerance: float) -> NonlinearSolution:
    asked = sides.volts(sources, network.rows, network.cols)
    linear = network.solve(**asked).cell_volts
    extra, settled, rounds = _fixed_point(network, law, linear, tolerance)
    solution = network.solve(**asked, extra_amps=extra)
    cell_amps = network.conductance_siemens * solution.cell_volts + extra
    for vector in np.flatnonzero(~settled):
        one = sides.volts(sources[vector : vector + 1], network.rows, network.cols)
        found, amps = _newton(network, law, one, linear[vector], tolerance)
        for name, values in vars(solution).items():
            values[vector] = vars(found)[name][0]
        cell_amps[vector] = amps
    residual = float(np.abs(law.amps(solution.cell_volts) - cell_amps).max())
    return NonlinearSolution(solution, cell_amps, rounds, ~settled, residual)


def _fixed_point(
    network: Network, law: CellLaw, linear: Floats, tolerance: float
) -> tuple[Floats, NDArray[np.bool_], int]:
    """What each cell draws beyond the network's conductance (P, m, n), and for which vectors that settled."""
    siemens = network.conductance_siemens
    extra = np.zeros_like(linear)
    volts, change = linear, np.full(linear.shape[0], np.inf)
    open_vectors = np.arange(linear.shape[0])
    settled = np.zeros(linear.shape[0], np.bool_)
    rounds = 0
    for rounds in range(1, FIXED_ROUNDS + 1):
        amps = law.amps(volts)
        drawn = amps - siemens * volts
        size = np.abs(drawn - extra[open_vectors]).max(axis=(1, 2))
        extra[open_vectors] = drawn
        done = size <= tolerance * np.abs(amps).max(axis=(1, 2))
        settled[open_vectors[done]] = True
        # the first change is the law's own; from then on every round must gain, or the vector is left to Newton
        gains = size <= SLOWEST * change if rounds > 2 else np.isfinite(size)
        going = ~done & gains
        open_vectors, change = open_vectors[going], size[going]
        if not open_vectors.size:
            break
        volts = linear[open_vectors] + network.inject(drawn[going])
    extra[~settled] = 0.0
    return extra, settled, rounds


def _newton(network: Network, law: CellLaw, asked: Volts, volts: Floats, tolerance: float) -> tuple[Solution, Floats]:
    """One vector from the linear network's cell volts (m, n).

    The solution is the least co-content of the network, which is convex as no cell's current falls with its volts: a
    step along Newton's direction to where that no longer falls always gains. Its slope along the direction needs only
    the cells' currents and what the wires bring them, both linear along it but for the law.
    """
    brought = network.conductance_siemens * volts
    for _ in range(NEWTON_ROUNDS):
        slope = law.slope(volts)
        extra = law.amps(volts) - slope * volts
        found = network.rebuilt(slope).solve(**asked, extra_amps=extra[None])
        target = found.cell_volts[0]
        wanted = slope * target + extra
        if np.abs(law.amps(target) - wanted).max() <= tolerance * np.abs(wanted).max():
            return found, wanted
        direction = target - volts
        step = _search(law, volts, direction, brought, wanted)
        volts = volts + step * direction
        brought = brought + step * (wanted - brought)
    raise MeasurementError(
        f"the cells' currents did not settle to {tolerance:.3g} of the largest in {NEWTON_ROUNDS} rounds of Newton's "
        "method; ask for a larger tolerance, or make the cells' law smoother"
    )


def _search(law: CellLaw, volts: Floats, direction: Floats, brought: Floats, wanted: Floats) -> float:
    """How much of ``direction`` to go: all of it, or to where the co-content's slope has nearly vanished."""

    def slope(step: float) -> float:
        excess = law.amps(volts + step * direction) - brought - step * (wanted - brought)
        return float((excess * direction).sum())

    first, last = slope(0.0), slope(1.0)
    if last <= 0.5 * abs(first) or first >= 0:
        return 1.0
    low, high, at_low, at_high = 0.0, 1.0, first, last
    for _ in range(SEARCH_ROUNDS):
        middle = low - at_low * (high - low) / (at_high - at_low)
        value = slope(middle)
        if abs(value) <= 0.1 * abs(first):
            return middle
        # the Illinois rule: an end that stays counts for half, so that both ends move
        if value > 0:
            high, at_high, at_low = middle, value, at_low / 2
        else:
            low, at_low, at_high = middle, value, at_high / 2
    return high
