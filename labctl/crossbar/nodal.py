"""The same reduction by one sparse factor of all nodes: for small arrays, and for lines without resistance.

Sparse even where a dense inverse would fit: a BLAS with threads takes twenty times as long over one of that size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from labctl.crossbar.reduction import Floats, Indices, Press, conserving

BLOCK = 64


class Nodal:
    """The reduction of any array; a line without resistance is one node and its own port."""

    def __init__(self, siemens: Floats, word_ohms: float, bit_ohms: float) -> None:
        m, n = self.rows, self.cols = siemens.shape
        i, j = np.indices((m, n))
        # Ports first, then the nodes that are eliminated.
        word_ports = np.arange(m if word_ohms == 0 else 2 * m)
        bit_ports = word_ports.size + np.arange(n if bit_ohms == 0 else 2 * n)
        self._ports = word_ports.size + bit_ports.size
        self._word = word_ports[i] if word_ohms == 0 else self._ports + i * n + j
        inside = max(self._ports, int(self._word.max()) + 1)
        self._bit = bit_ports[j] if bit_ohms == 0 else inside + i * n + j
        total = max(inside, int(self._bit.max()) + 1)
        # np.resize repeats a line that is its own port for both of its ends
        self.port_of_end: Indices = np.concatenate([np.resize(word_ports, 2 * m), np.resize(bit_ports, 2 * n)])
        branches = [(self._word.ravel(), self._bit.ravel(), siemens.ravel())]
        if word_ohms:
            feet = np.concatenate([self._word[:, 0], self._word[:, -1]])
            branches += _wire(self._word[:, :-1], self._word[:, 1:], word_ports, feet, word_ohms)
        if bit_ohms:
            feet = np.concatenate([self._bit[0], self._bit[-1]])
            branches += _wire(self._bit[:-1], self._bit[1:], bit_ports, feet, bit_ohms)
        a, b, g = (np.concatenate(parts) for parts in zip(*branches, strict=True))
        own, self._to_ports, self._factor = _eliminated(self._ports, total, a, b, g)
        self.admittance: Floats = conserving((own + own.T) / 2)
        self.admittance.flags.writeable = False
        self._total, self._own_words, self._own_bits = total, word_ohms > 0, bit_ohms > 0

    def lift(self, cell_amps: Floats) -> tuple[Floats, Floats]:
        """See ``Reduction``."""
        forced = np.zeros((self._total, cell_amps.shape[0]))
        amps = cell_amps.reshape(cell_amps.shape[0], -1).T
        for nodes, own, sign in ((self._word, self._own_words, -1.0), (self._bit, self._own_bits, 1.0)):
            if own:
                forced[nodes.ravel()] += sign * amps
            else:  # cells share a node, so that each must be added on its own
                np.add.at(forced, nodes.ravel(), sign * amps)
        ports, free = forced[: self._ports], forced[self._ports :]
        volts = free if self._factor is None else self._factor.solve(free)
        return ports - self._to_ports.T @ volts, volts

    def descend(self, port_volts: Floats, lifted: Floats | None = None) -> tuple[Floats, Floats]:
        """See ``Reduction``."""
        nodes = np.zeros((self._total, port_volts.shape[1]))
        nodes[: self._ports] = port_volts
        if self._factor is not None:
            nodes[self._ports :] = -self._factor.solve(self._to_ports @ port_volts)
        if lifted is not None:
            nodes[self._ports :] += lifted
        volts = np.ascontiguousarray(nodes.T)
        return volts[:, self._word], volts[:, self._bit]

    def press(self, row: int, col: int) -> Press:
        """See ``Reduction``."""
        forced = np.zeros(self._total)
        forced[self._word[row, col]] += 1.0
        forced[self._bit[row, col]] -= 1.0
        load = forced[self._ports :]
        response = load if self._factor is None else self._factor.solve(load)
        return Press(forced[: self._ports] - self._to_ports.T @ response, load, response)


def _eliminated(ports: int, total: int, a: Indices, b: Indices, g: Floats) -> tuple[Floats, Any, Any]:
    """The ports' admittance, what joins the other nodes to them (None if there are none), and their factor."""
    laplacian = sparse.coo_matrix(
        (np.concatenate([g, g, -g, -g]), (np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a]))),
        shape=(total, total),
    ).tocsr()
    to_ports = laplacian[ports:, :ports].tocsc()
    own: Floats = laplacian[:ports, :ports].toarray()
    if total == ports:
        return own, to_ports, None
    # The free part is symmetric and positive definite: order for symmetry, and no pivoting is needed.
    factor = splu(
        laplacian[ports:, ports:].tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    for start in range(0, ports, BLOCK):  # all at once would be as large as the array times its ends
        some = slice(start, start + BLOCK)
        own[:, some] -= to_ports.T @ factor.solve(to_ports[:, some].toarray())
    return own, to_ports, factor


def _wire(
    near: Indices, far: Indices, ports: Indices, feet: Indices, ohms: float
) -> list[tuple[Indices, Indices, Floats]]:
    """The segments between the cells and from the feet of the lines to their ports."""
    return [
        (near.ravel(), far.ravel(), np.full(near.size, 1 / ohms)),
        (ports, feet, np.full(ports.size, 1 / ohms)),
    ]
