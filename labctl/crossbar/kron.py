"""An array reduced to its line ends by halves: tiles are joined pairwise and the nodes on each seam eliminated.

A tile is known by the admittance of its ports, one per word line left and right, one per bit line at the top and the
bottom, in the order of ``seams``. The first tiles are single cells with half a wire segment at each side; all tiles of
one size are one array, so that each joining is a few batched products. About 110 N^3 multiplications for N x N cells,
against N^3 times a large constant for a sparse factor of the 2 N^2 nodes, whose indices cost more than its arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from labctl.crossbar.leaves import Leaves, split
from labctl.crossbar.reduction import Floats, Indices, Press, conserving
from labctl.crossbar.seams import COLUMNS, ROWS, Stage, down, join, pairs, up

NODE = [1, 0, 1, 0]
"""Which of a cell's nodes, word or bit, its ports lead to."""
LEAF_CELLS = 25
"""Tiles up to this many cells are dense for the vectors: more is more arithmetic, less is more steps."""


class Tree:
    """The reduction of an array whose wires all have resistance."""

    def __init__(self, siemens: Floats, word_ohms: float, bit_ohms: float) -> None:
        self.rows, self.cols = siemens.shape
        row_factors, col_factors = _factors(self.rows), _factors(self.cols)
        self._height, self._width = math.prod(row_factors), math.prod(col_factors)
        self._row_spots, top, bottom = _halves(self.rows, self._height, bit_ohms)
        self._col_spots, left, right = _halves(self.cols, self._width, word_ohms)
        cells = np.zeros((self._height, self._width))
        cells[np.ix_(self._row_spots, self._col_spots)] = siemens
        self._arms = np.stack(np.broadcast_arrays(top[:, None], left, bottom[:, None], right), axis=-1)
        tiles, self._cell_inverse = _cells(cells, self._arms)
        stages: list[Stage] = []
        while row_factors or col_factors:
            for axis, factors in ((COLUMNS, col_factors), (ROWS, row_factors)):
                if factors:
                    tiles, stage = join(tiles, axis, factors.pop(0), _size(stages, ROWS), _size(stages, COLUMNS))
                    stages.append(stage)
        self._stages = tuple(stages)
        self._leaf_stages = sum(
            _size(stages[:k], ROWS) * _size(stages[:k], COLUMNS) <= LEAF_CELLS for k in range(1, len(stages) + 1)
        )
        seams = sum(math.prod(seam.inverse.shape[:3]) for stage in stages for seam in stage.seams)
        self._eliminated = 2 * self._height * self._width + seams
        m, n = self._height, self._width
        spots = n + self._row_spots, 2 * (m + n) - 1 - self._row_spots, n - 1 - self._col_spots, m + n + self._col_spots
        self._real = np.concatenate(spots)
        ends = tiles[0, 0][np.ix_(self._real, self._real)]
        self.admittance: Floats = conserving((ends + ends.T) / 2)
        self.admittance.flags.writeable = False
        self.port_of_end: Indices = np.arange(self._real.size)

    def lift(self, cell_amps: Floats) -> tuple[Floats, list[Floats]]:
        """See ``Reduction``."""
        amps = cell_amps
        if self._padded:
            amps = np.zeros((cell_amps.shape[0], self._height, self._width))
            amps[:, self._row_spots[:, None], self._col_spots] = cell_amps
        tiles, drawn = self._leaves.lift(amps)
        tiles, lifted = up(self._stages[self._leaf_stages :], tiles)
        return tiles[0, 0][self._real], [drawn, *lifted]

    def descend(self, port_volts: Floats, lifted: list[Floats] | None = None) -> tuple[Floats, Floats]:
        """See ``Reduction``."""
        tiles = np.zeros((1, 1, 2 * (self._height + self._width), port_volts.shape[1]))
        tiles[0, 0, self._real] = port_volts
        tiles = down(self._stages[self._leaf_stages :], tiles, lifted[1:] if lifted else [])
        word, bit = self._leaves.descend(tiles, lifted[0] if lifted else None)
        if self._padded:
            spots = slice(None), self._row_spots[:, None], self._col_spots
            return word[spots], bit[spots]
        return word, bit

    @property
    def _padded(self) -> bool:
        return (self.rows, self.cols) != (self._height, self._width)

    @cached_property
    def _leaves(self) -> Leaves:
        """What the nodes of the smallest tiles do, found by unit volts at each port and a unit current in each cell."""
        stages = self._stages[: self._leaf_stages]
        height, width = _size(stages, ROWS), _size(stages, COLUMNS)
        shape, cells, ports = (self._height // height, self._width // width), height * width, 2 * (height + width)
        shares = self._nodes(down(stages, np.broadcast_to(np.eye(ports), (*shape, ports, ports)), []))
        word_shares, bit_shares = (split(part, height, width) for part in shares)
        del shares
        drawn = np.tile(np.eye(cells).reshape(height, width, 1, cells), (*shape, 1, 1))
        # the inverse times (-1, 1): small matrices are quicker written out
        own = drawn * (self._cell_inverse[..., 1] - self._cell_inverse[..., 0])[..., None]
        del drawn
        tiles, lifted = up(stages, own[:, :, NODE] * self._arms[..., None])
        ohms = self._nodes(down(stages, np.zeros_like(tiles), lifted))
        ohms += np.moveaxis(own, (2, 3), (0, 1))
        word_ohms, bit_ohms = (split(part, height, width) for part in ohms)
        return Leaves(height, width, word_shares, bit_shares, word_ohms, bit_ohms)

    def _nodes(self, tiles: Floats) -> Floats:
        """Volts of the word and the bit node of each cell (2, P, M, N) from those of its ports (M, N, 4, P)."""
        forced = tiles * self._arms[..., None]
        bit, word = forced[:, :, :1] + forced[:, :, 2:3], forced[:, :, 1:2] + forced[:, :, 3:]
        nodes = self._cell_inverse[..., :1] * word
        nodes += self._cell_inverse[..., 1:] * bit
        return np.moveaxis(nodes, (2, 3), (0, 1))

    def press(self, row: int, col: int) -> Press:
        """See ``Reduction``; only the tiles that hold the cell are visited."""
        i, j = int(self._row_spots[row]), int(self._col_spots[col])
        forced = np.array([1.0, -1.0])
        nodes = self._cell_inverse[i, j] @ forced
        load, response = np.zeros((2, self._eliminated))
        start = 2 * (i * self._width + j)
        load[start : start + 2], response[start : start + 2] = forced, nodes
        start = 2 * self._height * self._width
        tile = nodes[NODE] * self._arms[i, j]
        for stage in self._stages:
            at = [i, j]
            at[stage.axis], number = divmod(at[stage.axis], stage.count)
            i, j = at
            for seam, (*children, joined) in zip(stage.seams, pairs(stage.count), strict=True):
                tiles, size = seam.inverse.shape[0] * seam.inverse.shape[1], seam.inverse.shape[2]
                if number in children:
                    side = children.index(number)
                    amps = tile[seam.shared[side]]
                    here = start + size * (i * seam.inverse.shape[1] + j)
                    load[here : here + size] = amps
                    response[here : here + size] = seam.inverse[i, j] @ amps
                    ports = -(amps @ seam.across[i, j])
                    for source, target in zip(seam.kept[side], seam.place[side], strict=True):
                        ports[target] += tile[source]
                    tile, number = ports, joined
                start += tiles * size
        return Press(tile[self._real], load, response)


def _factors(count: int) -> list[int]:
    """Group sizes whose product is ``count`` or little more: an odd one first, then twos."""
    base, twos = count, 0
    while base > 7:
        base, twos = (base + 1) // 2, twos + 1
    first = {1: [], 2: [2], 4: [2, 2], 6: [3, 2]}.get(base, [base])
    return [*first, *[2] * twos]


def _halves(count: int, padded: int, ohms: float) -> tuple[Indices, Floats, Floats]:
    """Where the real lines lie among ``padded`` ones, and the conductance of the wire before and behind each.

    A line that is only there to fill up a tile lies in the middle of a segment of the real wire and has open cells, so
    it changes nothing. The segment at each end of the wire belongs whole to the first and last line.
    """
    extra = padded - count
    split = np.arange(count + 1) < extra
    spots = np.cumsum(split[:-1]) + np.arange(count)
    segments = np.repeat(np.where(split, 2.0, 1.0) / ohms, np.where(split, 2, 1))
    before, behind = 2 * segments[:-1], 2 * segments[1:]
    before[0], behind[-1] = segments[0], segments[-1]
    return spots, before, behind


def _cells(siemens: Floats, arms: Floats) -> tuple[Floats, Floats]:
    """The ports' admittance (M, N, 4, 4) of each cell with its ``arms`` (M, N, 4); its nodes' impedance (M, N, 2, 2).

    Written without a subtraction, so that a cell of 1e-12 S between wires of 1 ohm keeps its digits.
    """
    word, bit = arms[..., 1] + arms[..., 3], arms[..., 0] + arms[..., 2]
    determinant = word * bit + siemens * (word + bit)
    inverse = np.empty((*siemens.shape, 2, 2))
    inverse[..., 0, 0] = (bit + siemens) / determinant
    inverse[..., 1, 1] = (word + siemens) / determinant
    inverse[..., 0, 1] = inverse[..., 1, 0] = siemens / determinant
    tiles = np.zeros((4, 4, *siemens.shape)).transpose(2, 3, 0, 1)  # port by port, as the first joining does
    for a in range(4):
        for b in range(a):  # pair by pair over all cells: long loops over cells, not short ones over ports
            between = arms[..., a] * arms[..., b] * inverse[..., NODE[a], NODE[b]]
            tiles[..., a, b] = tiles[..., b, a] = -between
            tiles[..., a, a] += between
            tiles[..., b, b] += between
    return tiles, inverse


def _size(stages: Sequence[Stage], axis: int) -> int:
    return math.prod(stage.count for stage in stages if stage.axis == axis)
