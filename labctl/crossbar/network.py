"""The crossbar as a circuit: every wire segment, cell and line end, solved exactly and reusable for many vectors.

Cell (i, j) joins word-line node w(i, j) to bit-line node b(i, j). A segment of ``word_segment_ohms`` lies between
w(i, j) and w(i, j+1), one of ``bit_segment_ohms`` between b(i, j) and b(i+1, j). Each line *end* that is connected
goes through one more segment and its terminal resistance to an ideal source; an infinite terminal resistance leaves
that end floating. The four sets of ends are left and right (word lines), top and bottom (bit lines).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse.linalg import splu

from labctl.core.errors import ParameterError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Solution:
    """Currents and node voltages for P vectors.

    ``left``, ``right``: float64 (P, m) amperes *into* the array at each word-line end; ``top``, ``bottom``: (P, n),
    the same for bit lines; zero at floating ends. ``word_volts``, ``bit_volts``: (P, m, n), volts at the cells' nodes.
    """

    left: Floats
    right: Floats
    top: Floats
    bottom: Floats
    word_volts: Floats
    bit_volts: Floats

    @property
    def cell_volts(self) -> Floats:
        """Volts across each cell, word line minus bit line: float64 (P, m, n)."""
        return self.word_volts - self.bit_volts


class Network:
    """An m x n array with fixed conductances and fixed terminations, factorised once.

    ``conductance_siemens``: (m, n), zero = open. ``*_ohms``: a number, or one per line; ``inf`` = floating end.

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
        left_ohms: ArrayLike = np.inf,
        right_ohms: ArrayLike = np.inf,
        top_ohms: ArrayLike = np.inf,
        bottom_ohms: ArrayLike = np.inf,
    ) -> None:
        self.conductance_siemens = _conductances(conductance_siemens)
        self.rows, self.cols = self.conductance_siemens.shape
        segments = {"word_segment_ohms": float(word_segment_ohms), "bit_segment_ohms": float(bit_segment_ohms)}
        for name, ohms in segments.items():
            if not (0 <= ohms < np.inf):
                raise ParameterError(f"{name} is {ohms}; a wire has 0 ohm or more, and not infinitely many")
        ends = (
            _ends("left_ohms", left_ohms, self.rows) + segments["word_segment_ohms"],
            _ends("right_ohms", right_ohms, self.rows) + segments["word_segment_ohms"],
            _ends("top_ohms", top_ohms, self.cols) + segments["bit_segment_ohms"],
            _ends("bottom_ohms", bottom_ohms, self.cols) + segments["bit_segment_ohms"],
        )
        self.terminals = 2 * self.rows + 2 * self.cols
        self._assemble(segments["word_segment_ohms"], segments["bit_segment_ohms"], np.concatenate(ends))

    def _assemble(self, word_ohms: float, bit_ohms: float, end_ohms: Floats) -> None:
        """Number the nodes (a line without resistance is one node), build the Laplacian, factorise its free part."""
        m, n = self.rows, self.cols
        i, j = np.indices((m, n))
        word = i if word_ohms == 0 else i * n + j
        bit = word.max() + 1 + (j if bit_ohms == 0 else i * n + j)
        inside = int(bit.max()) + 1
        # Where each terminal meets the array, in the order left, right, top, bottom.
        foot = np.concatenate([word[:, 0], word[:, -1], bit[0], bit[-1]])
        connected = np.isfinite(end_ohms)
        glued = connected & (end_ohms == 0)
        _refuse_two_sources_on_one_node(foot[glued])

        # A terminal without resistance *is* the node that it drives; any other gets a node of its own.
        node = np.where(glued, foot, inside + np.arange(self.terminals))
        branches = [(word.ravel(), bit.ravel(), self.conductance_siemens.ravel())]
        if word_ohms:
            branches.append((word[:, :-1].ravel(), word[:, 1:].ravel(), np.full(m * (n - 1), 1 / word_ohms)))
        if bit_ohms:
            branches.append((bit[:-1].ravel(), bit[1:].ravel(), np.full((m - 1) * n, 1 / bit_ohms)))
        resistive = connected & ~glued
        branches.append((node[resistive], foot[resistive], 1 / end_ohms[resistive]))
        a, b, g = (np.concatenate(parts) for parts in zip(*branches, strict=True))

        total = inside + self.terminals
        laplacian = sparse.coo_matrix(
            (np.concatenate([g, g, -g, -g]), (np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a]))),
            shape=(total, total),
        ).tocsr()
        laplacian.eliminate_zeros()  # an open cell joins nothing
        fixed_nodes = node[connected]
        free = np.setdiff1d(np.arange(inside), fixed_nodes)
        self._connected = np.flatnonzero(connected)
        _refuse_isolated(laplacian, free, fixed_nodes, m, n, word, bit)

        self._word, self._bit, self._total = word, bit, total
        self._free, self._fixed = free, fixed_nodes
        self._free_to_fixed = laplacian[free][:, fixed_nodes].tocsc()
        self._fixed_to_fixed = laplacian[fixed_nodes][:, fixed_nodes].toarray()
        # The free part is symmetric and positive definite: order for symmetry, and no pivoting is needed.
        self._factor = (
            splu(
                laplacian[free][:, free].tocsc(),
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=0.0,
                options={"SymmetricMode": True},
            )
            if free.size
            else None
        )

    def solve(
        self,
        *,
        left: ArrayLike = 0.0,
        right: ArrayLike = 0.0,
        top: ArrayLike = 0.0,
        bottom: ArrayLike = 0.0,
    ) -> Solution:
        """Solve for source volts given as a number, one per line, or (P, lines) for P vectors at once.

        Volts given for a floating end are ignored.
        """
        volts = self._vectors(left, right, top, bottom)
        nodes = self._node_volts(volts[:, self._connected])
        amps = np.zeros_like(volts)
        amps[:, self._connected] = self._terminal_amps(nodes)
        m, n = self.rows, self.cols
        return Solution(
            amps[:, :m],
            amps[:, m : 2 * m],
            amps[:, 2 * m : 2 * m + n],
            amps[:, 2 * m + n :],
            nodes[:, self._word],
            nodes[:, self._bit],
        )

    @cached_property
    def admittance(self) -> Floats:
        """Amperes into each terminal per volt at each terminal: float64 (2m+2n, 2m+2n), siemens.

        Order left, right, top, bottom. Many vectors are then one product: ``volts @ admittance``.
        """
        return self._transfers[0]

    @cached_property
    def cell_transfer(self) -> Floats:
        """Volts across each cell per volt at each terminal: float64 (m*n, 2m+2n), cells row by row.

        By reciprocity its transpose is the terminal currents caused by a unit current forced through each cell.
        """
        return self._transfers[1]

    def inject(self, amps: ArrayLike) -> Floats:
        """Volts across each cell when extra ``amps`` (m, n) flow through the cells, all sources at zero: (m, n).

        What a cell draws beyond its linear conductance is put here, so that one factor serves a nonlinear array.
        """
        extra = np.asarray(amps, np.float64).reshape(self.rows, self.cols)
        load = np.zeros(self._total)
        np.subtract.at(load, self._word, extra)
        np.add.at(load, self._bit, extra)
        nodes = np.zeros(self._total)
        if self._factor is not None:
            nodes[self._free] = self._factor.solve(load[self._free])
        result: Floats = nodes[self._word] - nodes[self._bit]
        return result

    @cached_property
    def _transfers(self) -> tuple[Floats, Floats]:
        nodes = self._node_volts(np.eye(self._connected.size))
        admittance = np.zeros((self.terminals, self.terminals))
        admittance[np.ix_(self._connected, self._connected)] = self._terminal_amps(nodes)
        cells = np.zeros((self.rows * self.cols, self.terminals))
        cells[:, self._connected] = (nodes[:, self._word] - nodes[:, self._bit]).reshape(self._connected.size, -1).T
        return admittance, cells

    def _node_volts(self, source_volts: Floats) -> Floats:
        """Volts of every node for source volts (P, connected terminals): (P, nodes)."""
        nodes = np.zeros((source_volts.shape[0], self._total))
        nodes[:, self._fixed] = source_volts
        if self._factor is not None:
            nodes[:, self._free] = -self._factor.solve(np.ascontiguousarray(self._free_to_fixed @ source_volts.T)).T
        return nodes

    def _terminal_amps(self, nodes: Floats) -> Floats:
        """Amperes into the array at each connected terminal: (P, connected terminals)."""
        result: Floats = nodes[:, self._free] @ self._free_to_fixed + nodes[:, self._fixed] @ self._fixed_to_fixed
        return result

    def _vectors(self, *sides: ArrayLike) -> Floats:
        lines = (self.rows, self.rows, self.cols, self.cols)
        blocks = []
        for name, side, count in zip(("left", "right", "top", "bottom"), sides, lines, strict=True):
            block = np.atleast_2d(np.asarray(side, np.float64))
            if block.shape[1] not in (1, count) or block.ndim != 2:
                raise ParameterError(
                    f"{name} has shape {block.shape}; this array needs (P, {count}), or a single number"
                )
            if not np.isfinite(block).all():
                raise ParameterError(f"{name} holds a voltage that is not finite; leave an end floating by its ohms")
            blocks.append(np.broadcast_to(block, (block.shape[0], count)))
        counts = {block.shape[0] for block in blocks} - {1}
        if len(counts) > 1:
            raise ParameterError(f"the sides hold {sorted(counts)} vectors; give as many for each side, or just one")
        height = counts.pop() if counts else 1
        return np.concatenate([np.broadcast_to(block, (height, block.shape[1])) for block in blocks], axis=1)


def _conductances(values: ArrayLike) -> Floats:
    array = np.array(values, np.float64)
    if array.ndim != 2 or array.size == 0:
        raise ParameterError(f"conductances have shape {array.shape}; a crossbar needs (rows, cols), each at least 1")
    bad = ~(np.isfinite(array) & (array >= 0))
    if bad.any():
        i, j = (int(k) for k in np.argwhere(bad)[0])
        raise ParameterError(
            f"the conductance of cell ({i}, {j}) is {array[i, j]} S; it must be finite and at least 0. "
            "An open cell is 0, a short is a large number"
        )
    return array


def _ends(name: str, ohms: ArrayLike, count: int) -> Floats:
    values = np.asarray(ohms, np.float64)
    if values.shape not in ((), (1,), (count,)):
        raise ParameterError(f"{name} has shape {values.shape}; give one number, or one per line ({count})")
    if not (values >= 0).all():
        raise ParameterError(f"{name} holds {values[~(values >= 0)].flat[0]}; it must be 0 or more, inf = floating")
    return np.broadcast_to(values, (count,)).astype(np.float64)


def _refuse_two_sources_on_one_node(nodes: NDArray[np.intp]) -> None:
    if np.unique(nodes).size != nodes.size:
        raise ParameterError(
            "both ends of a line without resistance are tied to sources without resistance, so how they share its "
            "current has no answer; give that wire or one of its ends some resistance, or leave one end floating (inf)"
        )


def _refuse_isolated(
    laplacian: sparse.csr_matrix,
    free: NDArray[np.intp],
    fixed: NDArray[np.intp],
    m: int,
    n: int,
    word: NDArray[np.intp],
    bit: NDArray[np.intp],
) -> None:
    """Refuse an array in which some node has no way to any source: its voltage would have no answer."""
    _, label = csgraph.connected_components(laplacian, directed=False)
    lost = free[~np.isin(label[free], label[fixed])]
    if lost.size:
        row = np.flatnonzero(np.isin(word, lost).any(axis=1))
        col = np.flatnonzero(np.isin(bit, lost).any(axis=0))
        line = f"word line {row[0]}" if row.size else f"bit line {col[0]}"
        raise ParameterError(
            f"{line} of this {m} x {n} array is not connected to any source, directly or through a cell, so its "
            "voltage has no answer; terminate one of its ends, or give one of its cells a conductance above 0"
        )
