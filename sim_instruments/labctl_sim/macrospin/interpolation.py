"""How a value is found between columns: cubics, in step with the precession."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl_sim.macrospin.columns import Column, Point

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SLOWEST, ROUNDING = 0.2, 0.15  # of the squared frequency, where the field no longer holds the spin; of the bend there
THRESHOLD, SOFT = 0.5, 0.05  # of xi_x: the Delta at which a spin begins to turn; of the part of an edge, as a rounding
NEWTON = 8  # steps from a junction's angle to a column's, halves where they lead astray
READY = 1.0  # radians of the top within which the edges' part comes in


@dataclass(frozen=True)
class Rhythm:
    """How far a junction has rung, as a function of the angle of the top; numbers that broadcast.

    Any smooth map is right; this one makes columns alike. A spin that has turned to the field, m_x = tanh(alpha angle),
    rings about it at sqrt(1 + 2 m^2 overdrive/xi_x) of the frequency without anisotropy, with m = coth(xi_x) - 1/xi_x.
    Of the edges (``edges`` radians, both) the part counts that lies beyond the voltage where the barrier goes.
    """

    slope: Floats
    damping: Floats
    acting: Floats

    @classmethod
    def of(cls, stability: Floats, transverse: Floats, damping: Floats, edges: Floats, overdrive: Floats) -> Rhythm:
        """That of junctions with these numbers; a transverse field of 0 makes all of them ring alike."""
        rings = transverse > 0
        across = np.where(rings, transverse, 1.0)
        mean = 1 / np.tanh(across) - 1 / across
        square = (1 + 2 * mean**2 * overdrive / across - SLOWEST) / ROUNDING
        slope = np.sqrt(SLOWEST + ROUNDING * np.logaddexp(0.0, square)) - 1
        part = 1 - (stability - across * THRESHOLD) / np.maximum(stability + overdrive, 1e-3)
        acting = edges * SOFT * np.logaddexp(0.0, part / SOFT)
        return cls(np.where(rings, slope, 0.0), damping, np.where(rings, acting, 0.0))

    def __call__(self, angles: Floats) -> Floats:
        """How far, in radians; same shape."""
        turned = self.damping * angles
        along = (turned + np.log1p(np.exp(-2 * turned)) - np.log(2)) / self.damping  # the integral of tanh
        result: Floats = angles + self.slope * along - self.acting * np.expm1(-((angles / READY) ** 2))
        return result

    def angles(self, rung: Floats, guess: Floats) -> Floats:
        """The angles at which it has rung so far; ``guess`` of the same shape."""
        found, low, high = guess, np.zeros(rung.shape), rung / (1 + np.minimum(self.slope, 0.0))
        for _ in range(NEWTON):
            edges = 2 * self.acting * found / READY**2 * np.exp(-((found / READY) ** 2))
            off = self(found) - rung
            low, high = np.where(off < 0, found, low), np.where(off > 0, found, high)
            better = found - off / (1 + self.slope * np.tanh(self.damping * found) + edges)
            found = np.where((low <= better) & (better <= high), better, (low + high) / 2)
        return found


class Bank:
    """Columns end to end in one array, so that any number of them are read at once."""

    def __init__(self) -> None:
        self._columns: list[Column] = []
        self._numbers: list[tuple[float, ...]] = []
        self._stale = True

    def add(self, some: Column, point: Point, overdrive: float, rings: bool) -> int:
        """Take in a column; returns its number."""
        edges = sum(angle for _, angle in point.leading + point.trailing)
        across = point.transverse if rings else 0.0
        self._columns.append(some)
        up, down = some.chance[:, -1]
        self._numbers.append(
            (some.step, some.rate, up, down, point.stability, across, point.damping, edges, overdrive),
        )
        self._stale = True
        return len(self._columns) - 1

    def _refresh(self) -> None:
        lengths = np.array([some.chance.shape[1] for some in self._columns])
        self._last = lengths - 1
        self._offset = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        self._chance = np.concatenate([some.chance for some in self._columns], axis=1)
        self._table = np.array(self._numbers).T
        self._rhythm = Rhythm.of(*self._table[4:])
        self._stale = False

    def find(self, columns: Integers, states: Integers, angles: Floats, own: Rhythm) -> Floats:
        """Chances to leave ``states`` (N,) in ``columns`` (..., N), at the ``angles`` (N,) of junctions as ``own``."""
        if self._stale:
            self._refresh()
        step, rate, up, down = (row[columns] for row in self._table[:4])
        rhythm = Rhythm(
            *(values[columns] for values in (self._rhythm.slope, self._rhythm.damping, self._rhythm.acting))
        )
        there = rhythm.angles(own(angles), np.broadcast_to(angles, columns.shape))
        last = self._last[columns]
        place = np.minimum(there / step, last)
        left = np.clip(np.floor(place).astype(np.int64), 1, np.maximum(last - 2, 1))
        start = np.where(last >= 3, self._offset[columns] + left - 1, self._offset[columns])
        stride = np.where(last >= 3, 1, 0)  # a column of one value has that value everywhere
        weights = lagrange(place - left)
        value = np.zeros(columns.shape)
        for order in range(4):
            value += weights[order] * self._chance[states, start + order * stride]
        beyond = there - last * step
        late = (beyond > 0) & (last >= 3)
        if late.any():
            share = np.where(states == 0, up, down) / np.maximum(up + down, 1e-300)
            tail = share * (1 - (1 - up - down) * np.exp(-rate * np.maximum(beyond, 0.0)))
            value = np.where(late, tail, value)
        return value


def lagrange(part: Floats, nodes: tuple[int, ...] = (-1, 0, 1, 2)) -> Floats:
    """Weights of the values at ``nodes`` for a place ``part`` between 0 and 1: (nodes, ...)."""
    others = [[other for other in nodes if other != node] for node in nodes]
    return np.array(
        [np.prod([(part - b) / (a - b) for b in rest], axis=0) for a, rest in zip(nodes, others, strict=True)]
    )
