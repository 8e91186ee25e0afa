"""An array reduced to its line ends by halves: tiles are joined pairwise and the nodes on each seam eliminated.

A tile is known by the admittance of its ports, in the order left, right (one per word line), top, bottom (one per
bit line). The first tiles are single cells with half a wire segment at each side; all tiles of one size are one array,
so that each joining is a few batched products. About 110 N^3 multiplications for N x N cells, against N^3 times a
large constant for a sparse factor of the 2 N^2 nodes, whose indices cost more than its arithmetic.
"""

from __future__ import annotations

import math

import numpy as np

from labctl.crossbar.reduction import Floats, Indices, Press, conserving
from labctl.crossbar.seams import COLUMNS, ROWS, Stage, join, pairs, part


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
        self._arms = np.stack(np.broadcast_arrays(left, right, top[:, None], bottom[:, None]), axis=-1)
        tiles, self._cell_inverse = _cells(cells, self._arms)
        stages: list[Stage] = []
        while row_factors or col_factors:
            for axis, factors in ((COLUMNS, col_factors), (ROWS, row_factors)):
                if factors:
                    tiles, stage = join(tiles, axis, factors.pop(0), _size(stages, ROWS), _size(stages, COLUMNS))
                    stages.append(stage)
        self._stages = tuple(stages)
        seams = sum(math.prod(seam.inverse.shape[:3]) for stage in stages for seam in stage.seams)
        self._eliminated = 2 * self._height * self._width + seams
        m, n = self._height, self._width
        spots = (self._row_spots, m + self._row_spots, 2 * m + self._col_spots, 2 * m + n + self._col_spots)
        self._real = np.concatenate(spots)
        ends = tiles[0, 0] if self._real.size == 2 * (m + n) else tiles[0, 0][np.ix_(self._real, self._real)]
        self.admittance: Floats = conserving((ends + ends.T) / 2)
        self.admittance.flags.writeable = False
        self.port_of_end: Indices = np.arange(self._real.size)

    def lift(self, cell_amps: Floats) -> tuple[Floats, list[Floats]]:
        """See ``Reduction``."""
        vectors = cell_amps.shape[0]
        amps = np.zeros((self._height, self._width, 1, vectors))
        amps[np.ix_(self._row_spots, self._col_spots, np.zeros(1, np.intp))] = np.moveaxis(cell_amps, 0, -1)[:, :, None]
        # the inverse times (-1, 1): small matrices are quicker written out
        lifted = [amps * (self._cell_inverse[..., 1] - self._cell_inverse[..., 0])[..., None]]
        tiles = lifted[0][:, :, [0, 0, 1, 1]] * self._arms[..., None]
        for stage in self._stages:
            parts = [part(tiles, stage.axis, stage.count, k) for k in range(stage.count)]
            for seam, (a, b, _) in zip(stage.seams, pairs(stage.count), strict=True):
                seam_amps = parts[a][:, :, seam.shared[0]] + parts[b][:, :, seam.shared[1]]
                lifted.append(seam.inverse @ seam_amps)
                ports = -np.swapaxes(seam.across, 2, 3) @ seam_amps
                for tile, kept, place in zip((parts[a], parts[b]), seam.kept, seam.place, strict=True):
                    for source, target in zip(kept, place, strict=True):
                        ports[:, :, target] += tile[:, :, source]
                parts.append(ports)
            tiles = parts[-1]
        return tiles[0, 0][self._real], lifted

    def descend(self, port_volts: Floats, lifted: list[Floats] | None = None) -> tuple[Floats, Floats]:
        """See ``Reduction``."""
        tiles = np.zeros((1, 1, 2 * (self._height + self._width), port_volts.shape[1]))
        tiles[0, 0, self._real] = port_volts
        known = list(lifted) if lifted is not None else []
        for stage in reversed(self._stages):
            order = pairs(stage.count)
            parts: list[Floats] = [np.empty(0)] * (stage.count + len(order))
            parts[-1] = tiles
            for seam, (a, b, joined) in zip(reversed(stage.seams), reversed(order), strict=True):
                ports = parts[joined]
                volts = -(seam.across @ ports)
                if known:
                    volts += known.pop()
                for child, kept, place, shared, count in zip(
                    (a, b), seam.kept, seam.place, seam.shared, seam.ports, strict=True
                ):
                    parts[child] = np.empty((*ports.shape[:2], count, ports.shape[3]))
                    parts[child][:, :, shared] = volts
                    for target, source in zip(kept, place, strict=True):
                        parts[child][:, :, target] = ports[:, :, source]
            shape = list(tiles.shape[:2])
            shape[stage.axis] *= stage.count
            tiles = np.empty((*shape, *parts[0].shape[2:]))
            for number in range(stage.count):
                part(tiles, stage.axis, stage.count, number)[...] = parts[number]
        tiles *= self._arms[..., None]
        forced = tiles[:, :, 0::2] + tiles[:, :, 1::2]
        nodes = self._cell_inverse[..., :1] * forced[:, :, :1] + self._cell_inverse[..., 1:] * forced[:, :, 1:]
        if known:
            nodes += known.pop()
        inside = nodes[np.ix_(self._row_spots, self._col_spots)].transpose(2, 3, 0, 1)
        return np.ascontiguousarray(inside[0]), np.ascontiguousarray(inside[1])

    def press(self, row: int, col: int) -> Press:
        """See ``Reduction``; only the tiles that hold the cell are visited."""
        i, j = int(self._row_spots[row]), int(self._col_spots[col])
        forced = np.array([1.0, -1.0])
        nodes = self._cell_inverse[i, j] @ forced
        load, response = np.zeros((2, self._eliminated))
        start = 2 * (i * self._width + j)
        load[start : start + 2], response[start : start + 2] = forced, nodes
        start = 2 * self._height * self._width
        tile = nodes[[0, 0, 1, 1]] * self._arms[i, j]
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
    word, bit = arms[..., 0] + arms[..., 1], arms[..., 2] + arms[..., 3]
    determinant = word * bit + siemens * (word + bit)
    inverse = np.empty((*siemens.shape, 2, 2))
    inverse[..., 0, 0] = (bit + siemens) / determinant
    inverse[..., 1, 1] = (word + siemens) / determinant
    inverse[..., 0, 1] = inverse[..., 1, 0] = siemens / determinant
    tiles = np.zeros((*siemens.shape, 4, 4))
    for a in range(4):
        for b in range(a):  # pair by pair over all cells: long loops over cells, not short ones over ports
            between = arms[..., a] * arms[..., b] * inverse[..., a // 2, b // 2]
            tiles[..., a, b] = tiles[..., b, a] = -between
            tiles[..., a, a] += between
            tiles[..., b, b] += between
    return tiles, inverse


def _size(stages: list[Stage], axis: int) -> int:
    return math.prod(stage.count for stage in stages if stage.axis == axis)
