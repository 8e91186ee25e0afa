"""The smallest tiles of an array as dense matrices: what their nodes do for many vectors, in a few batched products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.crossbar.reduction import Floats


@dataclass(frozen=True)
class Leaves:
    """All tiles of ``height`` x ``width`` cells, (R, C) of them with c cells and p ports each.

    ``word_shares``, ``bit_shares``: (R, C, c, p), volts of each cell's node per volt at each port; ``word_ohms``,
    ``bit_ohms``: (R, C, c, c), volts per ampere that each cell draws, with all ports at 0 V.
    """

    height: int
    width: int
    word_shares: Floats
    bit_shares: Floats
    word_ohms: Floats
    bit_ohms: Floats

    def lift(self, amps: Floats) -> tuple[Floats, Floats]:
        """What cells draw (P, M, N), as currents into the leaves' ports (R, C, p, P), and leaf by leaf."""
        drawn = split(amps, self.height, self.width)
        return np.swapaxes(self.bit_shares - self.word_shares, 2, 3) @ drawn, drawn

    def descend(self, ports: Floats, drawn: Floats | None) -> tuple[Floats, Floats]:
        """Volts of the word and bit nodes, (P, M, N) each, from those of the ports (R, C, p, P)."""
        word, bit = self.word_shares @ ports, self.bit_shares @ ports
        if drawn is not None:
            word += self.word_ohms @ drawn
            bit += self.bit_ohms @ drawn
        return self._whole(word), self._whole(bit)

    def _whole(self, nodes: Floats) -> Floats:
        tall, wide, _, vectors = nodes.shape
        cells = nodes.reshape(tall, wide, self.height, self.width, vectors).transpose(4, 0, 2, 1, 3)
        return cells.reshape(vectors, tall * self.height, wide * self.width)


def split(cells: Floats, height: int, width: int) -> Floats:
    """Values of cells (P, M, N) tile by tile: (R, C, height * width, P)."""
    vectors, tall, wide = cells.shape[0], cells.shape[1] // height, cells.shape[2] // width
    tiles = cells.reshape(vectors, tall, height, wide, width).transpose(1, 3, 2, 4, 0)
    return tiles.reshape(tall, wide, height * width, vectors)
