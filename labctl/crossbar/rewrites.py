"""Cells written since an array was reduced: a low-rank correction of every current and voltage, exact."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from labctl.crossbar.reduction import Floats, Indices, Press, Reduction
from labctl.crossbar.terminated import Terminated


@dataclass(frozen=True)
class Rewrites:
    """k cells whose conductance is not what the reduction was made of.

    ``change``: (k,) siemens. ``ports``, ``sources``: (ports, k) and (ends, k), the cell's volts per volt there.
    ``ohms``: (k, k), volts across one cell per ampere forced through another.
    """

    rows: Indices
    cols: Indices
    change: Floats
    ports: Floats
    sources: Floats
    ohms: Floats
    presses: tuple[Press, ...]

    @classmethod
    def none(cls, ports: int, ends: int) -> Rewrites:
        """No cell written yet."""
        nowhere = np.empty(0, np.intp)
        return cls(nowhere, nowhere, np.empty(0), np.empty((ports, 0)), np.empty((ends, 0)), np.empty((0, 0)), ())

    def __len__(self) -> int:
        return self.change.size

    def written(self, reduction: Reduction, terminated: Terminated, row: int, col: int, change: float) -> Rewrites:
        """With ``change`` siemens more than at the reduction in one cell; about 2 (ends)^2 multiplications."""
        known = np.flatnonzero((self.rows == row) & (self.cols == col))
        if known.size:
            altered = self.change.copy()
            altered[known] = change
            return replace(self, change=altered)
        press = reduction.press(row, col)
        mutual: Floats = np.array([press.load @ other.response for other in (*self.presses, press)])
        lifted: Floats = terminated.impedance @ press.ports
        ports = np.column_stack([self.ports, press.ports])
        mutual += lifted @ ports
        ohms = np.empty((mutual.size, mutual.size))
        ohms[:-1, :-1] = self.ohms
        ohms[-1] = ohms[:, -1] = mutual
        return Rewrites(
            np.append(self.rows, row),
            np.append(self.cols, col),
            np.append(self.change, change),
            ports,
            np.column_stack([self.sources, press.ports @ terminated.potentials]),
            ohms,
            (*self.presses, press),
        )

    @property
    def gain(self) -> Floats:
        """What the cells draw beyond the reduction, per volt across each before they drew it: (k, k), siemens."""
        return self._gain(self.ohms)

    def gain_within(self, terminated: Terminated) -> Floats:
        """The same with every port held at 0 V."""
        return self._gain(self.ohms - self.ports.T @ terminated.impedance @ self.ports)

    def _gain(self, ohms: Floats) -> Floats:
        # Sherman-Morrison-Woodbury, in the form that also takes a change of zero.
        loop = np.eye(len(self)) + self.change[:, None] * ohms
        return np.asarray(np.linalg.solve(loop, np.diag(self.change)), np.float64)
