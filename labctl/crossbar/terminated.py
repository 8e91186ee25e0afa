"""A reduced array with something at each line end: one small dense solve gives every end's current and volts."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from labctl.core.errors import MeasurementError
from labctl.crossbar.reduction import Floats, Indices, Reduction, inverse_of

LEAST_SHARE = 1e-13  # of the wires' conductance: of what holds the array to ground two or three digits are left then

DENSE_CELLS = 100
"""Cells up to which currents through them are multiplied by one matrix; it takes the time of some single patterns."""


class Terminated:
    """Line ends behind ``end_ohms`` (2m+2n,): 0 holds the end at its source's volts, inf leaves it floating."""

    def __init__(self, reduction: Reduction, end_ohms: Floats) -> None:
        port = reduction.port_of_end
        self._reduction, self._ports, self._end_ohms = reduction, reduction.admittance.shape[0], end_ohms
        self._held_ends: Indices = np.flatnonzero(end_ohms == 0)
        self._held: Indices = port[self._held_ends]
        self._free: Indices = np.setdiff1d(np.arange(self._ports), self._held)
        with np.errstate(divide="ignore"):
            siemens = 1 / end_ohms
        siemens[self._held_ends] = 0.0
        self._end_siemens: Floats = siemens

    @cached_property
    def impedance(self) -> Floats:
        """Volts of each port per ampere forced into each, all sources at 0 V: float64 (ports, ports), ohm."""
        result = np.zeros((self._ports, self._ports))
        if self._free.size:
            result[np.ix_(self._free, self._free)] = inverse_of(self._factor)
        return result

    @cached_property
    def _factor(self) -> Floats:
        """Cholesky factor of what holds the ports that no ideal source holds."""
        own = self._reduction.admittance[np.ix_(self._free, self._free)]
        port = self._reduction.port_of_end
        own[np.diag_indices_from(own)] += np.bincount(port, self._end_siemens, minlength=self._ports)[self._free]
        factor, failed = lapack.dpotrf(own, lower=True)
        weak = not self._held.size and self._end_siemens.sum() < LEAST_SHARE * np.diag(own).max()
        if failed or weak:
            raise MeasurementError(
                "the lines of this array are so weakly connected to their sources that rounding hides it; terminate "
                "at least one line with a resistance within 1e12 times that of the wires"
            )
        result: Floats = factor
        return result

    @cached_property
    def potentials(self) -> Floats:
        """Volts of each port per volt of each end's source: float64 (ports, ends)."""
        return self.volts(np.eye(self._end_ohms.size))

    @cached_property
    def admittance(self) -> Floats:
        """Amperes into the array at each end per volt of each end's source: float64 (ends, ends), siemens."""
        return self.amps(np.eye(self._end_ohms.size), self.potentials, 0.0)

    def volts(self, sources: Floats, forced: Floats | None = None) -> Floats:
        """Volts of the ports (ports, P) for the sources' (ends, P) and currents ``forced`` into the ports."""
        result = np.zeros((self._ports, sources.shape[1]))
        result[self._held] = sources[self._held_ends]
        load = -self._reduction.admittance[:, self._held] @ result[self._held]
        np.add.at(load, self._reduction.port_of_end, self._end_siemens[:, None] * sources)
        if forced is not None:
            load += forced
        if self._free.size:
            result[self._free] = lapack.dpotrs(self._factor, load[self._free], lower=True)[0]
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

    def transfer(self, driven: slice, sensed: slice) -> Floats:
        """Amperes out of the array at the ``sensed`` ends per volt at the ``driven`` ones, all other sources at 0 V."""
        sources = np.eye(self._end_ohms.size)[:, driven]
        volts = self.volts(sources)
        if self._ports < self._end_ohms.size:  # lines that are one node: their two ends share its current
            return -self.amps(sources, volts, 0.0)[sensed]
        port = self._reduction.port_of_end[sensed]
        into = self._reduction.admittance[port] @ volts
        through = self._end_siemens[sensed, None] * (sources[sensed] - volts[port])
        return -np.where(self._by_array[sensed, None], into, through)

    def amps(self, sources: Floats, volts: Floats, forced: Floats | float) -> Floats:
        """Amperes into the array at each end (ends, P), from its sources' volts (ends, P) and its ports' (ports, P).

        Two ways lead to a current: through the end's resistance, or into the array. The one with the smaller
        conductance loses fewer digits, as both are differences of volts.
        """
        port = self._reduction.port_of_end
        into = self._reduction.admittance @ volts - forced
        result = self._end_siemens[:, None] * (sources - volts[port])
        result[self._by_array] = into[port[self._by_array]]
        result[self._held_ends] = 0.0
        shared = np.zeros_like(into)
        np.add.at(shared, port, result)
        result[self._held_ends] = (into - shared)[self._held]
        return result

    @cached_property
    def _by_array(self) -> NDArray[np.bool_]:
        """Which ends' currents are told better by the array than by the end's resistance: bool (ends,)."""
        port = self._reduction.port_of_end
        alone = np.bincount(port, minlength=self._ports)[port] == 1
        stiff = self._end_siemens > self._reduction.admittance[port, port]
        result: NDArray[np.bool_] = alone & (stiff | (self._end_ohms == 0))
        return result
