"""A reduced array with something at each line end: one small dense inverse gives every end's current and volts."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from labctl.core.errors import MeasurementError
from labctl.crossbar import grounded
from labctl.crossbar.reduction import Floats, Indices, Reduction, conserving

DENSE_CELLS = 100
"""Cells up to which currents through them are multiplied by one matrix; it takes the time of some single patterns."""


class Terminated:
    """Line ends behind ``end_ohms`` (2m+2n,): 0 holds the end at its source's volts, inf leaves it floating.

    ``anchors``: an end of each part of the array that no source reaches; volts there count from its port.

    Everything follows from the couplings between ports, which are never negative: the couplings between sources by
    sums and products of them, the currents by differences of volts. So the best of wires costs no digits.
    """

    def __init__(self, reduction: Reduction, end_ohms: Floats, anchors: Indices) -> None:
        port = reduction.port_of_end
        self._reduction, self._ports, self._ends = reduction, reduction.admittance.shape[0], end_ohms.size
        self._ideal: Indices = np.flatnonzero(end_ohms == 0)
        self._held: Indices = port[self._ideal]
        self._anchored: Indices = port[anchors]
        self._free: Indices = np.setdiff1d(np.arange(self._ports), np.append(self._held, self._anchored))
        resistive = np.flatnonzero((end_ohms > 0) & np.isfinite(end_ohms))
        self._connected: Indices = np.concatenate([self._ideal, resistive])
        # siemens from each port to each connected end's source; to an ideal one by the array alone
        self._outward: Floats = np.zeros((self._ports, self._connected.size))
        self._outward[:, : self._held.size] = -reduction.admittance[:, self._held]
        self._outward[port[resistive], self._held.size + np.arange(resistive.size)] = 1 / end_ohms[resistive]

    @cached_property
    def impedance(self) -> Floats:
        """Volts of each port per ampere forced into each, all sources at 0 V: float64 (ports, ports), ohm."""
        result = np.zeros((self._ports, self._ports))
        coupling = -self._reduction.admittance[self._free]
        ground = self._outward[self._free].sum(axis=1) + coupling[:, self._anchored].sum(axis=1)
        with np.errstate(all="ignore"):  # told below, in words
            result[np.ix_(self._free, self._free)] = grounded.inverse(coupling[:, self._free], ground)
        if not np.isfinite(result).all():
            raise MeasurementError(
                "some line of this array is tied to its sources by less than a number can tell; give its cells more "
                "conductance, or one of its ends a resistance"
            )
        return result

    @cached_property
    def _shares(self) -> Floats:
        """Volts of each port per volt of each connected end's source: float64 (ports, connected)."""
        result = np.zeros_like(self._outward)
        result[self._held, np.arange(self._held.size)] = 1.0
        result[self._free] = self.impedance[np.ix_(self._free, self._free)] @ self._outward[self._free]
        return result

    @cached_property
    def potentials(self) -> Floats:
        """Volts of each port per volt of each end's source: float64 (ports, ends)."""
        result = np.zeros((self._ports, self._ends))
        result[:, self._connected] = self._shares
        return result

    @cached_property
    def admittance(self) -> Floats:
        """Amperes into the array at each end per volt of each end's source: float64 (ends, ends), siemens."""
        count = self._held.size
        coupling = self._outward[self._free].T @ self._shares[self._free]
        coupling[:count] += self._outward[self._held]
        coupling[count:, :count] += self._outward[self._held, count:].T
        result = np.zeros((self._ends, self._ends))
        result[np.ix_(self._connected, self._connected)] = -(coupling + coupling.T) / 2
        return conserving(result)

    @cached_property
    def _far(self) -> tuple[Indices, Floats, Floats]:
        """The other end of each end's line, the siemens to it, (ends, 1), and the admittance without these."""
        rows, cols, ends = self._reduction.rows, self._reduction.cols, np.arange(self._ends)
        other = np.concatenate([ends[rows : 2 * rows], ends[:rows], ends[2 * rows + cols :], ends[2 * rows :][:cols]])
        rest = self.admittance.copy()
        siemens = -rest[ends, other][:, None]
        rest[ends, other] = 0.0
        return other, siemens, conserving(rest)

    def volts(self, sources: Floats, forced: Floats | None = None) -> Floats:
        """Volts of the ports (ports, P) for the sources' (ends, P) and currents ``forced`` into the ports."""
        result: Floats = self._shares @ sources[self._connected]
        if forced is not None:
            result += self.impedance @ forced
        return result

    def amps(self, sources: Floats, forced: Floats | None = None) -> Floats:
        """Amperes into the array at each end (ends, P) for the same."""
        other, siemens, rest = self._far
        # the one coupling that a good wire makes strong: of both ends' volts only the difference may be multiplied
        result: Floats = rest @ sources + siemens * (sources - sources[other])
        if forced is not None:
            result[self._connected] -= self._shares.T @ forced
        return result

    def injected(self, cell_amps: Floats) -> Floats:
        """Volts across each cell (P, m, n) when cells draw ``cell_amps`` (P, m, n), with all sources at 0 V."""
        if cell_amps[0].size > DENSE_CELLS:
            return self._injected(cell_amps)
        return (cell_amps.reshape(cell_amps.shape[0], -1) @ self._cell_ohms).reshape(cell_amps.shape)

    @cached_property
    def _cell_ohms(self) -> Floats:
        """Volts across each cell per ampere that each other draws: float64 (m n, m n), ohm."""
        rows, cols = self._reduction.rows, self._reduction.cols
        result: Floats = self._injected(np.eye(rows * cols).reshape(-1, rows, cols)).reshape(-1, rows * cols)
        return result

    def _injected(self, cell_amps: Floats) -> Floats:
        forced, lifted = self._reduction.lift(cell_amps)
        word, bit = self._reduction.descend(self.impedance @ forced, lifted)
        return word - bit
