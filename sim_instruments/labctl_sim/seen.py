"""What cells see of a source, and a digitizer of cells: the circuit's response at the levels of a waveform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl_sim.array import JunctionArray
from labctl_sim.flips import Floats, States
from labctl_sim.waveform import Waveform

LEVELS_SOLVED_AT_MOST = 65

# (source volts, states) -> (volts across each cell (N,), amperes into the digitizer)
Response = Callable[[float, States], tuple[Floats, float]]


@dataclass(frozen=True)
class Seen:
    """What one cell sees: at source ``levels`` (L,) it has ``if_p`` (L,) volts while P and ``if_ap`` while AP."""

    levels: Floats
    if_p: Floats
    if_ap: Floats

    @classmethod
    def of(cls, levels: Floats, array: JunctionArray, cell: int, response: Response) -> Seen:
        """Of ``cell``, with the others as they are."""
        in_state = []
        for state in (0, 1):
            states = array.states.copy()
            states[cell] = state
            in_state.append(np.array([response(float(level), states)[0][cell] for level in levels]))
        return cls(levels, *in_state)

    def at(self, waveform: Waveform) -> tuple[Floats, Floats]:
        """Volts (W,) while P and while AP."""
        if_p, if_ap = (np.interp(waveform.volts, self.levels, at) for at in (self.if_p, self.if_ap))
        return if_p, if_ap


@dataclass(frozen=True)
class Shown:
    """Volts at the digitizer at each of L levels; sample s stands on level ``which[s]``, (S,).

    ``base`` (L,) is with every kept cell P, ``swing`` (K, L) what each of these adds when it is AP. ``own`` (N, L) is
    each cell's share of the base: what the sensed line carries is the sum of its cells' currents.
    """

    which: NDArray[np.intp]
    base: Floats
    swing: Floats
    own: Floats
    kept: NDArray[np.intp]

    @classmethod
    def of(
        cls,
        source_volts: Floats,
        array: JunctionArray,
        kept: NDArray[np.intp],
        sensed: Floats,
        response: Response,
        sense_ohms: float,
    ) -> Shown:
        """For samples at ``source_volts`` (S,); many different ones are interpolated."""
        levels, which = np.unique(source_volts, return_inverse=True)
        many = levels.size > LEVELS_SOLVED_AT_MOST
        solved = np.linspace(levels[0], levels[-1], LEVELS_SOLVED_AT_MOST) if many else levels
        parallel = array.states.copy()
        parallel[kept] = 0

        def volts(states: States) -> Floats:
            result: Floats = sense_ohms * np.array([response(float(level), states)[1] for level in solved])
            return result

        base = volts(parallel)
        swing = np.empty((kept.size, solved.size))
        for row, cell in zip(swing, kept, strict=True):
            states = parallel.copy()
            states[cell] = 1
            row[:] = volts(states) - base
        across = np.array([response(float(level), parallel)[0] for level in solved]).T
        own = sense_ohms * sensed[:, None] * array.conductance(parallel, across) * across
        if many:
            base = np.interp(levels, solved, base)
            swing, own = (np.array([np.interp(levels, solved, row) for row in rows]) for rows in (swing, own))
        return cls(which, base, swing.reshape(kept.size, levels.size), own, kept)

    def fluctuating(self, relative: Floats) -> Shown:
        """With every cell's resistance off by a ``relative`` (N,) part, to first order."""
        less = 1 / (1 + relative) - 1
        return Shown(
            self.which, self.base + less @ self.own, self.swing * (1 + less[self.kept])[:, None], self.own, self.kept
        )
