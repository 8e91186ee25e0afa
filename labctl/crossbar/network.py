"""The crossbar as a circuit: every wire segment, cell and line end, solved exactly and reusable for many vectors.

Cell (i, j) joins word-line node w(i, j) to bit-line node b(i, j). A segment of ``word_segment_ohms`` lies between
w(i, j) and w(i, j+1), one of ``bit_segment_ohms`` between b(i, j) and b(i+1, j). Each line *end* that is connected
goes through one more segment and its terminal resistance to an ideal source; an infinite terminal resistance leaves
that end floating, as an ideal voltmeter does. The four sets of ends are left and right (word lines), top and bottom
(bit lines).
"""

from __future__ import annotations

from functools import cached_property
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from labctl.core.errors import ParameterError
from labctl.crossbar import checks, sides, sweep
from labctl.crossbar.kron import Tree
from labctl.crossbar.nodal import Nodal
from labctl.crossbar.reduction import Floats, Reduction
from labctl.crossbar.rewrites import Rewrites
from labctl.crossbar.sides import Ohms, Volts
from labctl.crossbar.solution import Solution
from labctl.crossbar.terminated import Terminated

__all__ = ["Network", "Solution"]

SWEPT_LINES = 88
"""Up to here the effective conductance alone is quicker found row by row (measured)."""
REWRITES = 30
"""More written cells than this, and the array is reduced anew: then the corrections cost as much."""


class Network:
    """An m x n array with fixed conductances and fixed terminations, reduced once; never changed afterwards.

    ``conductance_siemens``: (m, n), zero = open. ``end_ohms``: see ``Ohms``. ``unreached``: int (m+n,), word lines and
    then bit lines: 0, or k for lines of the k-th part of the array that nothing joins to any source. No current flows
    in such a part, and its volts count from its first line, as nothing says what they are.

    >>> ideal = Network([[1e-3, 2e-3]], left_ohms=0.0, bottom_ohms=0.0)
    >>> (-ideal.solve(left=0.1).bottom[0]).round(12).tolist()
    [0.0001, 0.0002]
    """

    def __init__(
        self,
        conductance_siemens: ArrayLike,
        *,
        word_segment_ohms: float = 0.0,
        bit_segment_ohms: float = 0.0,
        **end_ohms: Unpack[Ohms],
    ) -> None:
        self.conductance_siemens = checks.conductances(conductance_siemens)
        self.rows, self.cols = self.conductance_siemens.shape
        self.terminals = 2 * self.rows + 2 * self.cols
        self.word_segment_ohms = checks.segment("word_segment_ohms", word_segment_ohms)
        self.bit_segment_ohms = checks.segment("bit_segment_ohms", bit_segment_ohms)
        self._base = self
        self._end_ohms = self._checked(end_ohms)
        self.unreached = checks.unreached(self.conductance_siemens, self._end_ohms)
        self._rewrites = self._no_rewrites()

    def terminated(self, **end_ohms: Unpack[Ohms]) -> Network:
        """The same array with other line ends: one dense solve of the ends, not another reduction."""
        ohms = self._base._checked(end_ohms)
        reduction = self._reduction  # reduced before it is copied
        other = self._copy(self._base.conductance_siemens)
        other._base, other._end_ohms, other._rewrites = other, ohms, self._no_rewrites()
        other.unreached = checks.unreached(other.conductance_siemens, ohms)
        other._terminated = other._ended(reduction)
        rows, cols = self._rewrites.rows, self._rewrites.cols
        for row, col in zip(rows.tolist(), cols.tolist(), strict=True):
            other = other.written(row, col, float(self.conductance_siemens[row, col]))
        return other

    def written(self, row: int, col: int, siemens: float) -> Network:
        """The same array with one cell at ``siemens``; this network stays as it was.

        An exact rank-one correction of what was solved before; after ``REWRITES`` different cells the array is reduced
        anew.
        """
        if not (0 <= row < self.rows and 0 <= col < self.cols):
            raise ParameterError(
                f"there is no cell ({row}, {col}) in this {self.rows} x {self.cols} array; rows count from 0 to "
                f"{self.rows - 1}, columns from 0 to {self.cols - 1}"
            )
        if not 0 <= siemens <= checks.MOST_SIEMENS:
            raise ParameterError(f"cell ({row}, {col}) cannot be written to {siemens} S; it must be finite, 0 or more")
        altered = self.conductance_siemens.copy()
        altered[row, col] = siemens
        altered.flags.writeable = False
        if siemens == 0 or self.conductance_siemens[row, col] == 0:
            unreached = checks.unreached(altered, self._end_ohms)
            if (unreached != self.unreached).any():
                return self.rebuilt(altered)
        change = float(siemens - self._base.conductance_siemens[row, col])
        rewrites = self._rewrites.written(self._reduction, self._terminated, row, col, change)
        other = self._copy(altered)
        if len(rewrites) > REWRITES:
            other._base = other
            del other._reduction, other._terminated
            rewrites = self._no_rewrites()
        other._rewrites = rewrites
        return other

    def rebuilt(self, conductance_siemens: ArrayLike) -> Network:
        """The same wires and line ends around other cells, reduced anew."""
        left, right, top, bottom = (ohms[0] for ohms in sides.by_side(self._end_ohms[None], self.rows, self.cols))
        return Network(
            conductance_siemens,
            word_segment_ohms=self.word_segment_ohms,
            bit_segment_ohms=self.bit_segment_ohms,
            left_ohms=left,
            right_ohms=right,
            top_ohms=top,
            bottom_ohms=bottom,
        )

    def solve(self, *, extra_amps: ArrayLike | None = None, **volts: Unpack[Volts]) -> Solution:
        """Solve for source volts (see ``Volts``), P vectors at once.

        Volts given for a floating end are ignored. ``extra_amps``: (P, m, n), what the cells draw beyond their
        conductance. All nodes are found; ``currents`` is quicker if they are not needed.
        """
        sources = checks.vectors(self.rows, self.cols, **volts).T
        forced, lifted, extra = None, None, None
        if extra_amps is not None:
            extra = np.asarray(extra_amps, np.float64)
            if extra.shape != (sources.shape[1], self.rows, self.cols):
                raise ParameterError(
                    f"extra_amps has shape {extra.shape}; with these volts it must be "
                    f"({sources.shape[1]}, {self.rows}, {self.cols})"
                )
        if len(self._rewrites):
            seen = self._rewrites.sources.T @ sources
            if extra is not None:
                seen = seen + self._terminated.injected(extra)[:, self._rewrites.rows, self._rewrites.cols].T
            written = self._at_written(self._rewrites.gain @ seen)
            extra = written if extra is None else extra + written
        if extra is not None:
            forced, lifted = self._reduction.lift(extra)
        ports = self._terminated.volts(sources, forced)
        word, bit = self._reduction.descend(ports, lifted)
        amps = self._terminated.amps(sources, forced)
        return Solution(*sides.by_side(amps.T, self.rows, self.cols), word, bit)

    def currents(self, **volts: Unpack[Volts]) -> Floats:
        """Amperes into the array at all ends, without the nodes inside: float64 (P, 2m+2n).

        From some hundred vectors on, or for many calls, multiply by ``admittance`` instead; but not if both ends of a
        line have sources and its wire is next to nothing, when only differences of their volts keep their digits.
        """
        sources = checks.vectors(self.rows, self.cols, **volts).T
        return self._terminated.amps(sources, self._forced(sources)).T

    def end_volts(self, **volts: Unpack[Volts]) -> Floats:
        """Volts at the outside of each end's wire segment, where a voltmeter would be: float64 (P, 2m+2n)."""
        sources = checks.vectors(self.rows, self.cols, **volts).T
        ports = self._terminated.volts(sources, self._forced(sources))
        result: Floats = ports[self._reduction.port_of_end].T
        return result

    @cached_property
    def admittance(self) -> Floats:
        """Amperes into each terminal per volt at each terminal: float64 (2m+2n, 2m+2n), siemens.

        Order left, right, top, bottom. Many vectors are then one product: ``volts @ admittance``.
        """
        if not len(self._rewrites):
            return self._terminated.admittance
        sources = self._rewrites.sources
        return self._base.admittance + (sources @ self._rewrites.gain) @ sources.T

    @cached_property
    def effective(self) -> Floats:
        """Amperes out of each bit line's bottom end per volt at each word line's left end: float64 (n, m), siemens.

        What the array multiplies by: ``effective @ volts``, other sources at 0 V. Without resistance anywhere it is
        the transpose of the cells' conductances.
        """
        if not len(self._rewrites):
            found = None if "_reduction" in vars(self) else self._swept()
            if found is not None:
                return found
            return -self._terminated.admittance[-self.cols :, : self.rows]
        sources = self._rewrites.sources
        return self._base.effective - (sources[-self.cols :] @ self._rewrites.gain) @ sources[: self.rows].T

    @cached_property
    def array_admittance(self) -> Floats:
        """The array alone, without what is at its ends: float64 (ports, ports), siemens; see ``Reduction``."""
        if not len(self._rewrites):
            return self._reduction.admittance
        ports = self._rewrites.ports
        return self._reduction.admittance + (ports @ self._rewrites.gain_within(self._terminated)) @ ports.T

    @cached_property
    def cell_transfer(self) -> Floats:
        """Volts across each cell per volt at each terminal: float64 (m*n, 2m+2n), cells row by row.

        By reciprocity its transpose is the terminal currents caused by a unit current forced through each cell.
        """
        cells = self.solve(**sides.volts(np.eye(self.terminals), self.rows, self.cols)).cell_volts
        return cells.reshape(self.terminals, -1).T

    def inject(self, amps: ArrayLike) -> Floats:
        """Volts across each cell when extra ``amps`` (m, n) flow through the cells, all sources at zero: (m, n).

        What a cell draws beyond its linear conductance is put here, so that one factor serves a nonlinear array.
        P patterns (P, m, n) are taken at once and give (P, m, n).
        """
        extra = np.asarray(amps, np.float64)
        single = extra.ndim < 3
        extra = extra.reshape(-1, self.rows, self.cols)
        found = self._terminated.injected(extra)
        if len(self._rewrites):
            drawn = self._rewrites.gain @ found[:, self._rewrites.rows, self._rewrites.cols].T
            found = self._terminated.injected(extra + self._at_written(drawn))
        return found[0] if single else found

    @cached_property
    def _reduction(self) -> Reduction:
        return _reduced(self.conductance_siemens, self.word_segment_ohms, self.bit_segment_ohms)

    @cached_property
    def _terminated(self) -> Terminated:
        return self._ended(self._reduction)

    def _ended(self, reduction: Reduction) -> Terminated:
        """With each part that no source reaches anchored at the left or top end of its first line."""
        anchors = np.unique(self.unreached, return_index=True)[1][np.unique(self.unreached) > 0]
        return Terminated(reduction, self._end_ohms, np.where(anchors < self.rows, anchors, anchors + self.rows))

    def _swept(self) -> Floats | None:
        """What is effective, where that alone is quicker found than the reduction."""
        lines_are_wires = self.word_segment_ohms and self.bit_segment_ohms
        if min(self.rows, self.cols) > SWEPT_LINES or not lines_are_wires or self.unreached.any():
            return None
        return sweep.effective(self.conductance_siemens, self.word_segment_ohms, self.bit_segment_ohms, self._end_ohms)

    def _checked(self, end_ohms: Ohms) -> Floats:
        """The resistances of all line ends, if these wires have an answer with them."""
        ohms = checks.ends(self.rows, self.cols, **end_ohms)
        wires = {"word_ohms": self.word_segment_ohms, "bit_ohms": self.bit_segment_ohms}
        checks.one_source_per_node(ohms, self.rows, self.cols, **wires)
        return ohms

    def _no_rewrites(self) -> Rewrites:
        per_word, per_bit = (2 if ohms else 1 for ohms in (self.word_segment_ohms, self.bit_segment_ohms))
        return Rewrites.none(per_word * self.rows + per_bit * self.cols, self.terminals)

    def _forced(self, sources: Floats) -> Floats | None:
        """What the written cells force into the ports (ports, P)."""
        if not len(self._rewrites):
            return None
        result: Floats = -self._rewrites.ports @ (self._rewrites.gain @ (self._rewrites.sources.T @ sources))
        return result

    def _at_written(self, drawn: Floats) -> Floats:
        """What the written cells draw (k, P) as a pattern over the array (P, m, n)."""
        pattern = np.zeros((drawn.shape[1], self.rows, self.cols))
        pattern[:, self._rewrites.rows, self._rewrites.cols] = drawn.T
        return pattern

    def _copy(self, siemens: Floats) -> Network:
        other = object.__new__(Network)
        other.__dict__.update({k: v for k, v in self.__dict__.items() if k not in _SOLVED})
        other.conductance_siemens = siemens
        return other


_SOLVED = frozenset({"admittance", "effective", "array_admittance", "cell_transfer"})


def _reduced(siemens: Floats, word_ohms: float, bit_ohms: float) -> Reduction:
    if word_ohms == 0 or bit_ohms == 0:
        return Nodal(siemens, word_ohms, bit_ohms)
    return Tree(siemens, word_ohms, bit_ohms)
